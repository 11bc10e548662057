"""The handlers of stored files: downloads, of which `download.py` is the base, and resumable
uploads."""
