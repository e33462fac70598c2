"""Comparison of records that were sent with records of the CRM.  Pure."""
