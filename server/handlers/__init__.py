"""The base of all Tornado handlers, and the handlers of jobs, files and pages; see `server.api`.

May import `storage` and the other folders of `server`, but not `api` and `fast`. Rules about jobs
belong in `server.jobs` or `storage`.
"""
