"""Everything on disk: run folders and journals (store), file primitives (files)."""
