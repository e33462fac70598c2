"""Dead-letter files: written by a run, fixed by a person, read by a replay."""
