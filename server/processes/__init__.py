"""Starts, asks and ends processes that work for the listener, such as the readers of lines."""
