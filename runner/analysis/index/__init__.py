"""Reads lines of a stored file: by number, by time, or by their text, from any position.

`page` answers one question with a page of lines. A sparse index (`marks`) tells where to begin.
"""
