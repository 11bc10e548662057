"""Resumable uploads: files that arrive by several requests, in a folder or in an S3 bucket, until
jobs take them over. May import `storage.files` and `storage.records`."""
