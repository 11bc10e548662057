"""Processes that read lines of stored files, as the listener sees them."""
