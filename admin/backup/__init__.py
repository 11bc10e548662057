"""Backups of a store: `create.py` makes one, `restore.py` puts it into an empty place, `verify.py`
reads all of it, and `retention.py` deletes old ones. May import `storage.db` with its folders,
`storage.files`, `storage.records` and `admin.transfer`. It copies rows and pages as they are."""
