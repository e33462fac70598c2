"""Conversion of rows into records.  Pure."""
