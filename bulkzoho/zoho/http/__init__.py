"""HTTP exchanges and proxies."""
