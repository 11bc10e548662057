"""Log analysis: counts patterns in files of any size. Its entry points are `run` and `parts`.

May import its own subfolders only; must not know of jobs, HTTP or the store.
"""
