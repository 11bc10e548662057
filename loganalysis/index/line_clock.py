"""The times of lines. A line without a time takes the last time in the lines before it."""

from loganalysis.times.c_timeline import TimeRules, bounds_of
from loganalysis.times.line_times import LineTimes
from loganalysis.times.time_bounds import TimeBounds


class LineClock:
    """Reads times in blocks of whole lines."""

    def __init__(self, modified: float) -> None:
        """`modified` is when the file was written, in epoch seconds."""
        self._time_of, self._rules = LineTimes(modified).time_of, TimeRules(modified)

    def own(self, data: bytes, start: int) -> float | None:
        """The time of the line that begins at a position, None if it has none itself."""
        return self._time_of(data[start : start + self._rules.head_bytes])

    def bounds_of(self, data: bytes) -> TimeBounds:
        """The bounds of the own times of whole lines."""
        return bounds_of(data, self._rules)

    def at(self, data: bytes, start: int, before: float | None, floor: int = 0) -> float | None:
        """The time of a line, or of the last one before it that has one.

        Lines before position `floor` are not looked at; the last time there is `before`.
        """
        while True:
            time = self.own(data, start)
            if time is not None:
                return time
            if start <= floor:
                return before
            start = data.rfind(b"\n", 0, start - 1) + 1

    def last(self, data: bytes, before: float | None) -> float | None:
        """The time of the last line of a block that has one, or else `before`."""
        start = data.rfind(b"\n", 0, len(data) - 1) + 1
        return self.at(data, start, before) if data else before

    def first(self, data: bytes, lines: int = 100) -> float | None:
        """The first time in the first lines of a block, None if they have none."""
        start = 0
        for _ in range(lines):
            if (time := self.own(data, start)) is not None:
                return time
            start = data.find(b"\n", start) + 1
            if not start:
                break
        return None
