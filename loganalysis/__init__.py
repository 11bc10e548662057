"""Log analysis: counts patterns in files of any size. Its entry points are in `scan` and `lines`.

A package of its own: it imports nothing else of ours, and knows nothing of jobs, HTTP or a store.
"""
