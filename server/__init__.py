"""The listener: the HTTP API and the web front end of the job queue.

Its folders may import storage, and of runner only `runner.job_types`.
"""
