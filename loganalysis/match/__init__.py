"""Finds patterns in a window: checks and prepares them, and holds the engines that search.

May import loganalysis.input; must not import loganalysis.count, which counts what is found.
"""
