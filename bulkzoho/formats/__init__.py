"""File formats: bytes to rows and rows to bytes."""
