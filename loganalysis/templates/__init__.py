"""An overview of a log without patterns: message templates, levels, status classes, and bursts.

May import loganalysis.count, .formats and .match; must not import the rest of the analysis.
"""
