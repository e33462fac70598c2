"""The import pipe: read, send, settle; resume and replay are other sources for it."""
