"""The settings of the listener, read from the environment.

Imports server.auth to check tokens, and storage.settings for what all programs share.
"""
