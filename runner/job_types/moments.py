"""The notation of times by which clients select lines, in analyses and in pages of lines."""

from loganalysis.times.time_limits import TimeLimit

__all__ = ["TimeLimit"]
