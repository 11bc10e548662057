# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""The blocking client, made from `jobservice._async` by `client/generate_sync.py`."""
