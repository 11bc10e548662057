"""Code that runs inside the fork server.

Imports only runner.pool.job_process, runner.pool.keeper, runner.pool.linux and
runner.pool.protocol. It must not import the pool, which starts the fork server.
"""
