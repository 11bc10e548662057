"""Claims due jobs and parts of jobs for a runner, and rescues the jobs of runners that died.

May import `storage.db`, `storage.jobs`, `storage.liveness`, `storage.notify` and `storage.records`.
It must not import the queries of the API.
"""
