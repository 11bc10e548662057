"""Finds patterns in a window: checks and prepares them, and holds the engines that search.

May import runner.analysis.input; must not import runner.analysis.count, which counts what is found.
"""
