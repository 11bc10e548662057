"""Checks submissions: small ones at once, large or slow ones in a process of their own.

Imports server.documents and server.http, and the job types.
"""
