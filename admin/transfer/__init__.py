"""Copies one database to another, with its uploaded files, for `python -m storage transfer`, and a
SQLite file into a smaller one. May import `storage.db` with its folders, `storage.files`,
`storage.liveness`, `storage.notify` and `storage.records`, but not `storage.jobs`: it copies rows
as they are."""
