"""The rows of a lost insert, looked up in the sandbox and at a scripted CRM."""
