"""The worker: claims due jobs and runs each in a process of its own.

The modules at this level are the program: its arguments, settings and composition. They may import
all of `runner` and `storage`, and must not import `server`.
"""
