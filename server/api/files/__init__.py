"""Stored files of jobs: downloads, of which `download.py` is the base, archives, bundles."""
