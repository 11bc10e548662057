"""Snapshots of databases for backups: `sqlite.py` copies the pages of a file, `postgresql.py` the
rows of all tables. Both turn them into chunks, and chunks into a database again."""
