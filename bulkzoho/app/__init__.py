"""Use cases: what each command does, without a terminal.  One file a use case."""
