"""Test kit: virtual time and a limiter simulation, used by tests and benchmarks."""
