"""Conditions on records: COQL, and the criteria of search."""
