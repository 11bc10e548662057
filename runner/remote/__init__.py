"""Reads a file behind a URL by HTTP range requests.

May import no other folder.
"""
