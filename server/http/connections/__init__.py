"""Connections of clients: accepted, read within limits of time and size, framed, written.

Imports only server.http.
"""
