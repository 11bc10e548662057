"""Scans one large plain file on several processors: its ranges, in threads or in helper processes.

May import runner.analysis.count, .input and .match; must not import the entry points in
runner.analysis itself.
"""
