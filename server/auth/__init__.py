"""Authentication, roles and rate limits: tokens, session cookies, trusted proxies.

Imports server.http, and storage for files and errors; never the handlers, the settings or the store
of jobs.
"""
