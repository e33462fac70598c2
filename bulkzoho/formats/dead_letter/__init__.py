"""Dead-letter files: columns, writer, parser, reader."""
