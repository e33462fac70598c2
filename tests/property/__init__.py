"""Generated histories of runs: what goes wrong between any two steps, and what must hold in the end."""
