"""Data that the pool, its keepers and their job processes exchange: messages and shared memory.

Imports only runner.pool.linux. It must not import the code of any of these three processes.
"""
