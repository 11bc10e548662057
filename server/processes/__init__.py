"""Starts, asks and ends processes that work for the listener, such as those that read lines."""
