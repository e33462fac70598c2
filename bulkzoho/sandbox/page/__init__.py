"""A page for a person who watches the sandbox."""
