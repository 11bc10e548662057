"""The settings of the listener, read from the environment.

Imports server.auth to check tokens, and storage.settings for settings that all programs share.
"""
