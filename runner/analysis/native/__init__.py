"""The C kernel of the analysis: its sources, its prebuilt wheels, and the script that builds them.

Imports nothing of ours; runner.analysis.match.kernel imports the installed wheel instead of this
folder.
"""
