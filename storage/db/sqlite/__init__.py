"""SQLite files: the lock of writers, notes of damage, and files that do not belong together.

May import `storage.records`. It must not import `storage.db`, which builds on it.
"""
