"""The installed program against a sandbox, both as processes of their own."""
