"""Schedules: jobs that are submitted at certain times.

`timing.py` computes when a schedule is due, and which times were missed because no worker was
running. `schedules.py` has the operations for clients, `firing.py` those for workers.
"""
