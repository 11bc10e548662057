"""Access to SQLite and PostgreSQL: engines, connections, transactions, compiled statements, tables.

May import `storage.records` and `storage.settings`. It must not import any folder that holds the
logic of jobs, nor `storage.db.schema`, which builds on it.
"""
