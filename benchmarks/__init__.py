"""Benchmarks of bulkzoho against a minimal client and other clients; see docs/benchmarks.md."""
