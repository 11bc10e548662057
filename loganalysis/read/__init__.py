"""Turns a stored file into windows of UTF-8 bytes: formats, encodings, memory maps, progress.

May import no other folder of ours, and must not know of patterns or jobs.
"""
