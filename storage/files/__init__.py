"""Uploaded files and files that jobs leave, in a folder or in an S3 bucket, and calls that make
files and folders durable.
May import `storage.records` and `storage.settings`, but nothing of the database: jobs refer to
files only by id."""
