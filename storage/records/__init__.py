"""The records that all parts of the service exchange, the states of a job, and the store's errors.

May import nothing but its own modules, so that every other folder may import it.
"""
