"""Checks by subject. A check is a function of the `Subject` that yields findings.

It changes nothing, but it may write a file of its own that it removes again.
"""
