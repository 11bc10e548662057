"""The store: jobs, attempts, runners and uploads, on SQLite or PostgreSQL.

`JobStore` serves clients, `Claims` serves runners, and `open_store` opens both from the settings.
May import every folder below it, but neither `server` nor `runner`.
"""
