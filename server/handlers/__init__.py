"""Tornado handlers: they read the request, call the services, and write the response.

May import `storage` and the other folders of `server`, but not `api` and `fast`. Rules about jobs
belong in `server.jobs` or `storage`.
"""
