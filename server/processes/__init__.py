"""Processes that the listener asks: how they start, answer and end, and those that read lines."""
