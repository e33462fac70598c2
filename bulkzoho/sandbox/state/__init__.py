"""State of the sandbox: records, tokens, quotas, calls, faults.  No HTTP."""
