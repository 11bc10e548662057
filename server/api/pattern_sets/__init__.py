"""Pattern sets by their names: those that clients have saved, and those that are built in.

`pattern_sets.py` has the handlers, `lookup.py` finds a set for analyses.
"""
