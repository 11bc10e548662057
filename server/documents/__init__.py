"""The JSON documents that clients send and receive: models, schemas and conversions.

May import `storage`, `server.http` and `runner.job_types`. Must not import other folders of
`server`, and reads nothing from the store.
"""
