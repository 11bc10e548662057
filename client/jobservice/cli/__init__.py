"""The command `jobservice`: what its commands share. The commands are in `commands`, and `main.py`
names them all. rich and httpx are imported by the functions that need them, so that
`jobservice --help` is fast.
"""
