"""Settings from environment variables, database URLs and drivers.

May import only `storage.records`: every other folder may read its settings from here.
"""
