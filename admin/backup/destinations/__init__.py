"""Places of backups: a folder, an S3 bucket, or one archive. They know nothing of databases, and
may import `storage.files`, `storage.records` and `storage.settings`."""
