"""A pool of processes that run calls and can be killed one by one.

Imports only its own subfolders. It must not import anything that knows jobs, the store or HTTP.
"""
