"""The worker's main loop: it claims jobs, runs them in the pool, settles them and does maintenance.

May import `runner.pool` and most of `storage`; must not import `runner.job_types` or `server`.
"""
