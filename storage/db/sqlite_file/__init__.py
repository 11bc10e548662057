"""SQLite files: the lock of writers and its holder, damage, files that do not belong together.

May import `storage.records`. It must not import `storage.db`, which builds on it.
"""
