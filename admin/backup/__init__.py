"""Backups of a store: `create.py` makes one and deletes old ones, `restore.py` puts one into an
empty place, and `verify.py` reads all of it. May import `storage.db` with its folders,
`storage.files`, `storage.records` and `admin.transfer`. It copies rows and pages as they are."""
