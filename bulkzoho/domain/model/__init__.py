"""Frozen values shared by all layers.  No clock, no I/O."""
