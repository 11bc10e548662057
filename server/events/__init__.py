"""Events for clients: server-sent event streams, and callbacks by POST.

May import `storage`, `server.http`, `server.documents` and `server.store`. Must not import
`server.jobs` or the handlers, which build on this folder.
"""
