"""Stored files of jobs: downloads, archives, bundles. `download.py` is the base of downloads."""
