"""The layer between requests and the store: threads, group commit, wake-ups, spans.

May import `server.http` and `storage` (records, files, notify, telemetry). Must not import
anything that knows the documents or the handlers of the API.
"""
