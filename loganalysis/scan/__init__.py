"""Analyzes files: chooses how each is scanned, in which processes, and makes the result as JSON."""
