"""Code that runs inside a job process: the loop over calls, and the clean-up after each call.

Imports only runner.pool.linux, runner.pool.protocol and, lazily in entry.py, runner.job_types.
It must not import the keeper, the fork server or the pool.
"""
