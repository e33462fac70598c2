"""The run's durable state: SQLite, the lock, the folder."""
