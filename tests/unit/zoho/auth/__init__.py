"""Named accounts."""
