"""Examines an installation: its settings, its machine and its store.

It may import the other packages, and only the commands of `storage` import it.
"""
