"""Bulk read and bulk write jobs."""
