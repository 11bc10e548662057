"""Finds job types in all their sources, checks them, and runs them for job processes.

Modules in a folder and in installed packages are first imported in processes of their own. May
import `runner.job_types`, the folders beside this one, and `storage.records`. Must not import the
pool, the supervisor or `server`.
"""
