"""Job types: the base classes to write them, the built-in ones, and the loader that finds them.

May import `runner.analysis` and `runner.remote`; must not import the pool, the supervisor,
`storage` or `server`. The server imports this folder to validate payloads.
"""
