"""Job types made from functions: the decorator `job`, and what it derives from a signature.

May import `runner.job_types.base`, and nothing else of the service.
"""
