"""Scans a stream of windows: counts matches, numbers their lines, and reads the lines' times.

May import runner.analysis.input and .match; must not import other modules of the analysis.
"""
