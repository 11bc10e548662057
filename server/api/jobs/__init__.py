"""Jobs: lists, single jobs, submissions, changes of many, events.

May import what `server.handlers` may, and its base classes.
"""
