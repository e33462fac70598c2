"""What the sandbox remembers: records, tokens, quotas, calls, faults.  No HTTP here."""
