"""Pattern sets by their names: those that clients have saved, and those that are built in.

May import `server.documents`, `server.http`, `storage.jobs` and `storage.records`.
"""
