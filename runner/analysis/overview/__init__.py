"""An overview of a log without patterns: message templates, levels, status classes, and bursts.

May import runner.analysis.count and .formats; must not import other modules of the analysis.
"""
