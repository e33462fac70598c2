"""Export pipeline: plan, fetch pages, encode, write part files."""
