"""Copies one database to another, with its uploaded files, for `python -m storage migrate`. May
import `storage.db`, `storage.db.schema`, `storage.files`, `storage.liveness`, `storage.notify` and
`storage.records`, but not `storage.jobs`: it copies rows as they are."""
