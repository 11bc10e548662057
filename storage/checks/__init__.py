"""Looks for wrong counters, rows and files without a job, and jobs that nobody can run.

Reading changes nothing; each repair is a function of its own.
"""
