"""Run Zoho's own SDKs against the sandbox."""
