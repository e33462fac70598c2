"""Write records: validation, duplicate checks, one result per record."""
