"""Verification of a finished run against the CRM."""
