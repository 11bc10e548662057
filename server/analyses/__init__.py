"""Turns results of analyses into comparisons, tables as CSV and reports as HTML. It reads neither
requests nor the store.
"""
