"""Pattern sets by their names: sets that clients have saved, and built-in sets.

`pattern_sets.py` has the handlers, `lookup.py` finds a set for analyses.
"""
