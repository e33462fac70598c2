"""Decisions of a run: retry, rate limits, routes, exit status.  Pure."""
