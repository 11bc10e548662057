"""Uploads: parses a multipart form while it arrives, and writes its file to disk in batches.

Imports server.documents, server.http and storage.files; knows nothing of handlers or services.
"""
