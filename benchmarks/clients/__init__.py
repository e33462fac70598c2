"""Clients that do the same work, each a process: ``python -m benchmarks.clients.NAME URL FILE ROWS IN_FLIGHT``."""
