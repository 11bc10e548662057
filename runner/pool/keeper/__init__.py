"""Code that runs inside a keeper: it forks, watches, kills and replaces one job process.

Imports only runner.pool.job_process, runner.pool.linux and runner.pool.protocol.
It must not import the fork server or the pool.
"""
