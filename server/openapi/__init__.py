"""/openapi.json: generated from the models of the API and the operations of the handlers.

May import `server.auth`, `server.checking`, `server.documents`, `server.http`, `runner.job_types`
and `storage.records`. Must not import the handlers, which decorate their methods with `Operation`.
"""
