"""HTTP client."""
