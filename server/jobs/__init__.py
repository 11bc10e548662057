"""The use cases of jobs (enqueue, wait, cancel), and the services of a listener.

Handlers and the fast path call these functions. May import `storage`, `runner.job_types` and the
other folders of `server`, but not `handlers`, `fast` and `upload`.
"""
