"""Import pipeline: read, transform, batch, send, record the result of every row."""
