"""Handlers of jobs: lists, single jobs, submissions, analyses, events.

May import what `server.handlers` may, and its base classes.
"""
