"""Records of several lines: where they begin, and how their lines are joined and numbered.

The kernel, the regexes and all counters see a record as one line. This package makes that line, and
finds the numbers of the lines of the file again.
"""
