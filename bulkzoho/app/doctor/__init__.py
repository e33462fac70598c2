"""Diagnosis of everything between this machine and the CRM: the checks of ``bulkzoho doctor``."""
