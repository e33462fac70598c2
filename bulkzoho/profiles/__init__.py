"""Named accounts: what is kept of each, where its secrets are, and which one a command uses."""
