"""Scans a stream of windows: counts matches, numbers their lines, and reads the lines' times.

May import loganalysis.read and .match; must not import other modules of the analysis.
"""
