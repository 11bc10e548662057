"""HTTP itself: connections and their limits, request bodies, JSON, problem documents, CORS.

Imports only storage.records, for the errors of the store; knows nothing of jobs or callers.
"""
