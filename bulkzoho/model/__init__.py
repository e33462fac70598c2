"""Frozen values that every floor speaks in.  No clock, no I/O, nothing that waits."""
