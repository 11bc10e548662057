"""The schema of the database: runs the migrations, and creates new SQLite files atomically.

May import `storage.db`, `storage.files`, `storage.records` and `storage.settings`. It must not
import modules that read or change jobs.
"""
