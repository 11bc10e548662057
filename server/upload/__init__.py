"""Uploads: receives a file, alone or in a multipart form, and writes it to disk in batches.

Imports server.documents, server.http and storage.files; knows nothing of handlers or services.
"""
