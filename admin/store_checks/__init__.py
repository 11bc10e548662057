"""Looks for wrong counters, for rows without a job, and for jobs that nobody can run."""
