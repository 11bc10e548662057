"""Schedules: jobs that are submitted at certain times.

`timing.py` computes when a schedule is due. `schedules.py` has the operations for clients,
`firing.py` those for workers, `missed.py` the rules for times at which no worker was running.
"""
