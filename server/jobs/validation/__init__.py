"""Submissions: their model, and how they are parsed and checked.

Small ones are checked at once, large or slow ones in a process of their own. May import
`server.documents`, `server.http`, `storage.jobs`, `storage.records`, `storage.telemetry` and
`runner.job_types`.
"""
