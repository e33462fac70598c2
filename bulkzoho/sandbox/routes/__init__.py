"""One file a resource: what each address answers."""
