"""Leave to make calls, shared by all that work for one organization."""
