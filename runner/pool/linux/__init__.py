"""Wrappers for Linux: processes, /proc, resource limits, Landlock, and the folders of jobs.

Imports nothing of this project outside this folder.
"""
