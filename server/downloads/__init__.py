"""What downloads of stored files have in common: headers, and the threads that read and send
them. It imports no handlers."""
