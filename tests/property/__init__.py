"""Generated histories of runs: failures between any two steps, and what must hold in the end."""
