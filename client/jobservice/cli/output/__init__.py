"""Turns results into text: numbers, times, tables, curves, progress. `console.py` prints it."""
