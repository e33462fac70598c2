"""Bulk import and export engine for Zoho CRM."""
