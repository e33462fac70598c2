"""What bulkzoho costs, beside the floor of the machine and beside other clients; see docs/benchmarks.md."""
