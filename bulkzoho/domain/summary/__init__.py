"""Summaries of runs as JSON.  Pure."""
