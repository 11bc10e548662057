"""The store: jobs, attempts, runners and uploads, on SQLite or PostgreSQL."""
