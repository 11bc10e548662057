"""Code that stores the files of a job, in the worker. A job process is not trusted: names, kinds,
numbers and sizes of its files are checked here.
May import `runner.pool.linux`, `storage.files` and `storage.records`."""
