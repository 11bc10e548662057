"""Numbers by time, and the time that a file spans. Imports nothing of ours but the times.

A histogram has no more buckets than its bound: when it gets more, each bucket becomes part of a
longer one (seconds become minutes, and so on up to decades). That is exact, and the outcome does
not depend on the order: it is the finest unit, from the one asked for on, that keeps the bound.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from runner.analysis.count.times import LineTimes

UNITS = ("second", "minute", "hour", "day")
"""What may be asked for; a histogram may become one of months, years or decades."""

_COARSER = {
    **{"second": "minute", "minute": "hour", "hour": "day"},
    **{"day": "month", "month": "year", "year": "decade"},
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_YEARS = {"year": 1, "decade": 10}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EDGE_BYTES = 32 << 10


def rfc3339(time: float) -> str:
    """A time in epoch seconds as text, in UTC with milliseconds."""
    moment = _EPOCH + timedelta(seconds=time)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Histogram:
    """How many by second, minute, hour or day. Takes some 100 bytes of memory a bucket."""

    def __init__(self, unit: str, max_buckets: int = 10_000) -> None:
        """`unit`: one of UNITS. There are no more decades than 24, whatever the bound."""
        if unit not in UNITS:
            raise ValueError(f"{unit!r} is not one of {', '.join(UNITS)}")
        self.unit = unit
        self._max_buckets = max_buckets
        self._buckets: Counter[int] = Counter()

    def add(self, time: float, number: int = 1) -> None:
        """Count `number` more at a time in epoch seconds, as LineTimes gives it."""
        index = _index(self.unit, time)
        self._buckets[index] = self._buckets.get(index, 0) + number
        if len(self._buckets) > self._max_buckets:
            self._keep_bound()

    def fold(self, other: "Histogram") -> None:
        """Add what another one, asked for with the same unit and bound, has counted."""
        while _finer(self.unit, other.unit):
            self._coarsen()
        for index, number in other._buckets.items():
            self._buckets[_index(self.unit, _start(other.unit, index))] += number
        self._keep_bound()

    def plain(self) -> tuple[str, list[tuple[int, int]]]:
        """Its unit and its buckets, as JSON can hold them."""
        return self.unit, sorted(self._buckets.items())

    @classmethod
    def of_plain(cls, plain: Any, max_buckets: int) -> "Histogram":
        """The same histogram again, with its bound."""
        histogram = cls(UNITS[0], max_buckets)
        histogram.unit, buckets = plain
        histogram._buckets.update(dict(buckets))
        return histogram

    def to_json(self) -> list[tuple[str, int]]:
        """The start of each bucket that is not empty, as RFC 3339, and its number; in order."""
        return [(rfc3339(_start(self.unit, i)), n) for i, n in sorted(self._buckets.items())]

    def _keep_bound(self) -> None:
        while len(self._buckets) > self._max_buckets and self.unit in _COARSER:
            self._coarsen()

    def _coarsen(self) -> None:
        unit, self.unit = self.unit, _COARSER[self.unit]
        buckets, self._buckets = self._buckets, Counter()
        for index, number in buckets.items():
            self._buckets[_index(self.unit, _start(unit, index))] += number


def _finer(unit: str, other: str) -> bool:
    order = ("second", *_COARSER.values())
    return order.index(unit) < order.index(other)


def _index(unit: str, time: float) -> int:
    """The number of the bucket that a time is in."""
    if seconds := _SECONDS.get(unit):
        return int(time // seconds)
    moment = _EPOCH + timedelta(seconds=time)
    if unit == "month":
        return moment.year * 12 + moment.month - 1
    return moment.year // _YEARS[unit]


def _start(unit: str, index: int) -> float:
    """When a bucket begins, in epoch seconds."""
    if unit in _SECONDS:
        return index * _SECONDS[unit]
    year, month = divmod(index, 12) if unit == "month" else (index * _YEARS[unit], 0)
    return datetime(year, month + 1, 1, tzinfo=UTC).timestamp()


class TimeSpan:
    """The first time in the first 32 KiB of a file, and the last one in its last 32 KiB.

    It does not depend on the windows that the data comes in, nor on the parts that are folded.
    """

    def __init__(self) -> None:
        self._first = self._last = b""
        self._whole = True  # whether the last bytes are all there are

    def feed(self, window: memoryview) -> None:
        """Take the next bytes of the file."""
        missing = _EDGE_BYTES - len(self._first)
        if missing:
            self._first += window[:missing]
        self._append(bytes(window[-_EDGE_BYTES:]), len(window) <= _EDGE_BYTES)

    def fold(self, later: "TimeSpan") -> None:
        """Add the part of the file that follows."""
        self._first = (self._first + later._first)[:_EDGE_BYTES]
        self._append(later._last, later._whole)

    def forget(self, before: int, behind: int) -> None:
        """Let go of what no time is looked for in, as so many bytes of the file are before and
        behind this part of it."""
        if before >= _EDGE_BYTES:
            self._first = b""
        if behind >= _EDGE_BYTES:
            self._last, self._whole = b"", False

    def plain(self) -> tuple[str, str, bool]:
        """What it has kept, as JSON can hold it: a character for each byte."""
        return self._first.decode("latin-1"), self._last.decode("latin-1"), self._whole

    @classmethod
    def of_plain(cls, plain: Any) -> "TimeSpan":
        """The same again."""
        span = cls()
        first, last, span._whole = plain
        span._first, span._last = first.encode("latin-1"), last.encode("latin-1")
        return span

    def times(self, line_times: LineTimes) -> tuple[float, float] | None:
        """First and last time, in epoch seconds; None if there is none in either place."""
        first, last = self._first.split(b"\n"), self._last.split(b"\n")
        if len(self._first) == _EDGE_BYTES and len(first) > 1:
            first.pop()  # cut, perhaps within its time
        if not self._whole:
            last.pop(0)
        found = (_first_time(first, line_times), _first_time(last[::-1], line_times))
        known = [time for time in found if time is not None]
        return (known[0], known[-1]) if known else None

    def _append(self, data: bytes, whole: bool) -> None:
        joined = data if len(data) == _EDGE_BYTES else self._last + data
        self._whole = self._whole and whole and len(joined) <= _EDGE_BYTES
        self._last = joined[-_EDGE_BYTES:]


def _first_time(lines: list[bytes], line_times: LineTimes) -> float | None:
    times = (line_times.time_of(line) for line in lines)
    return next((time for time in times if time is not None), None)
