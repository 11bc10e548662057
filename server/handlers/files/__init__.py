"""The handlers of stored files: downloads of what jobs were given. `download.py` is the base."""
