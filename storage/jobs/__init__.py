"""Jobs as rows: their transitions, events, output, queues, callbacks, keys and retention.

May import `storage.db`, `storage.notify` and `storage.records`. It must not import the claiming of
jobs, the liveness of runners or the queries of the API, which build on it.
"""
