"""Client of Zoho CRM: HTTP, OAuth, API calls."""
