"""HTTP itself: request bodies, JSON, problem documents, conditions, compression, the request log.

Imports only storage.records, for the errors of the store; knows nothing of jobs or callers.
"""
