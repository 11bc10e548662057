"""/openapi.json: the description of the API, generated from its models and a table of operations.

May import `server.auth`, `server.documents`, `server.events`, `server.http` and
`runner.job_types`. Must not import the handlers: a test compares them with the table.
"""
