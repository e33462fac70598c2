"""Calls of the Zoho CRM API, one file a group of endpoints."""
