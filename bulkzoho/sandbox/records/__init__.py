"""What writing does to records: checks, duplicate checks, and one result a record."""
