"""Checks that find wrong counters, rows without a job, and jobs that nobody can run."""
