"""File primitives: atomic write, append with a known length, fsync, lock."""
