"""Clients that do the same work: one process each, started as ``python -m benchmarks.clients.NAME URL FILE ROWS IN_FLIGHT``."""
