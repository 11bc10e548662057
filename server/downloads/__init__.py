"""What downloads of stored files have in common: ranges of bytes, names of files, and the threads
that read and send them. It imports no handlers."""
