"""/openapi.json: generated from the models of the API and the operations of the handlers.

May import `server.auth`, `server.documents`, `server.http`, `server.jobs.validation`,
`runner.job_types` and `storage.records`. Must not import the handlers, which decorate their methods
with `Operation`.
"""
