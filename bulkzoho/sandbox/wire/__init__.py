"""HTTP requests and responses of the sandbox, fault injection included."""
