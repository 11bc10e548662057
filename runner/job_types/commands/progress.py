"""Finds how far a program is in the lines that it writes."""

import re
from collections.abc import Callable
from typing import Any

_LINE_ENDS = re.compile(rb"[\r\n]+")
"""Programs that show progress end a line by a carriage return, to write over it."""
_MOST_BYTES = 2000
"""The longest part of a line that is kept until its end arrives; of a longer one, its end is."""
_TEXT_LENGTH = 200
_NAMES = {"done": "steps_done", "total": "steps_total", "percent": "percent_done"}
"""The fields of the groups with short names. Pairs such as steps_done and steps_total are a bar."""
_EXAMPLE = r"frame=(?P<done>\d+)/(?P<total>\d+)"


def progress_pattern(text: str) -> re.Pattern[bytes]:
    """Return the pattern that finds progress in lines. Raises ValueError if it is not one."""
    try:
        pattern = re.compile(text.encode())
    except re.error as error:
        raise ValueError(f"it is no regex of Python: {error}") from None
    if not pattern.groupindex:
        raise ValueError(f"it needs groups with names, as in {_EXAMPLE}")
    return pattern


class LineProgress:
    """Reports what the pattern finds in the lines of one stream. Newer lines replace older ones."""

    def __init__(self, pattern: re.Pattern[bytes], report: Callable[[dict[str, Any]], None]):
        self._pattern = pattern
        self._report = report
        self._rest = b""

    def __call__(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        *lines, rest = _LINE_ENDS.split(self._rest + data)
        self._rest = rest[-_MOST_BYTES:]
        for line in reversed(lines):
            if found := self._pattern.search(line[-_MOST_BYTES:]):
                self._report(_progress(found))
                return


def _progress(found: re.Match[bytes]) -> dict[str, Any]:
    """Return the progress of a line: a field for each group that has matched."""
    groups = {name: value for name, value in found.groupdict().items() if value is not None}
    progress = {_NAMES.get(name, name): _value(value) for name, value in groups.items()}
    if "percent" in groups:
        progress["percent_total"] = 100
    return progress


def _value(text: bytes) -> int | float | str:
    """Return a number if the text is one that JSON can hold, else the text."""
    if re.fullmatch(rb"\d{1,15}", text):
        return int(text)
    if re.fullmatch(rb"\d{1,15}\.\d{1,15}", text):
        return float(text)
    return text.decode("utf-8", "replace").replace("\0", "\ufffd")[:_TEXT_LENGTH]
