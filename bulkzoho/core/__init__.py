"""Pure decisions: no clock, no I/O, no chance; time and jitter are arguments."""
