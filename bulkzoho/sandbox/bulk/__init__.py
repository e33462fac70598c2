"""What bulk jobs do: files of many records, out and in."""
