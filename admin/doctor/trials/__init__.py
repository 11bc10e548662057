"""Trials on this machine with a store of their own: faults, and speed."""
