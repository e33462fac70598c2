"""The only place that speaks HTTP to Zoho CRM."""
