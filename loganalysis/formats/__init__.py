"""Formats of log lines: which one a file has, and the time, level, message and fields of a line.

form = detect(some_lines)          by samples from the start, the middle and the end
form.name, form.title, form.share  "access_combined", "Access log, …", 0.999
form.split(line)                   Parts(time, level, message, fields), or None
"""

from loganalysis.formats.detection import detect
from loganalysis.formats.log_format import LogFormat, Parts

__all__ = ["LogFormat", "Parts", "detect"]
