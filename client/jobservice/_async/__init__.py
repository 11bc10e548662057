"""The asynchronous client, and the only one that is written by hand: `client/generate_sync.py`
makes `jobservice._sync` from it. It may import the modules of `jobservice` that do no input or
output.
"""
