"""/openapi.json: the description of the API, generated from its models and a table of operations.

May import `server.auth`, `server.checking`, `server.documents`, `server.events`, `server.http`,
`runner.job_types` and `storage.records`. Must not import the handlers: a test compares them with
the table.
"""
