"""The C kernel of the analysis: its sources, its prebuilt wheels, and the script that builds them.

Imports nothing of ours; loganalysis.match.c_scanner imports the installed wheel instead of this
folder.
"""
