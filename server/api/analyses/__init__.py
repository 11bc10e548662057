"""Analyses: requests, lines of files, comparisons and reports, as JSON, text, CSV and HTML.

The handlers are in `analyze.py`, `analyses.py` and `lines.py`; the other modules read neither
requests nor the store.
"""
