"""Wake-ups: messages to waiting processes that a transaction has committed.

May import `storage.db` and `storage.records`, but nothing that knows jobs.
"""
