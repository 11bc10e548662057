"""Uploads: receives a file, alone or in a multipart form, and writes it to disk in batches.

`uploads.py` has the handlers of resumable uploads. The other modules import only server.documents,
server.http and storage.files; they know nothing of handlers or services.
"""
