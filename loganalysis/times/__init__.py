"""The times of lines: their formats, their limits, and lines over time on one axis."""
