"""Histograms of lines over time.

A histogram has a maximum number of buckets. When it gets more, it changes to a coarser unit:
seconds become minutes, and so on up to decades. Coarser counts are exact, and they do not depend on
the order of the lines: the final unit is the finest one, from the requested unit on, whose buckets
do not exceed the maximum.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

UNITS = ("second", "minute", "hour", "day")
"""Units that may be requested; a histogram may change to months, years or decades."""

_COARSER = {
    **{"second": "minute", "minute": "hour", "hour": "day"},
    **{"day": "month", "month": "year", "year": "decade"},
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_YEARS = {"year": 1, "decade": 10}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(time: float) -> str:
    """Format epoch seconds as RFC 3339, in UTC with milliseconds."""
    moment = _EPOCH + timedelta(seconds=time)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Histogram:
    """Counts by second, minute, hour or day. A bucket takes about 100 bytes of memory."""

    def __init__(self, unit: str, max_buckets: int = 10_000) -> None:
        """Start in one of UNITS. Fewer than 24 buckets cannot be kept: there are 24 decades."""
        if unit not in UNITS:
            raise ValueError(f"{unit!r} is not one of {', '.join(UNITS)}")
        self.unit = unit
        self._max_buckets = max_buckets
        self._buckets: Counter[int] = Counter()

    def add(self, time: float, count: int = 1) -> None:
        """Add a count at a time in epoch seconds, as LineTimes returns it."""
        index = _bucket_of(self.unit, time)
        self._buckets[index] = self._buckets.get(index, 0) + count
        if len(self._buckets) > self._max_buckets:
            self._limit_buckets()

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another histogram with the same requested unit and maximum."""
        while _is_finer(self.unit, other.unit):
            self._coarsen()
        for index, count in other._buckets.items():
            self._buckets[_bucket_of(self.unit, _bucket_start(other.unit, index))] += count
        self._limit_buckets()

    def to_json(self) -> list[tuple[str, int]]:
        """(start, count) of all buckets that are not empty, in order; start is RFC 3339."""
        return [(rfc3339(_bucket_start(self.unit, i)), n) for i, n in sorted(self._buckets.items())]

    def _limit_buckets(self) -> None:
        while len(self._buckets) > self._max_buckets and self.unit in _COARSER:
            self._coarsen()

    def _coarsen(self) -> None:
        unit, self.unit = self.unit, _COARSER[self.unit]
        buckets, self._buckets = self._buckets, Counter()
        for index, count in buckets.items():
            self._buckets[_bucket_of(self.unit, _bucket_start(unit, index))] += count


def _is_finer(unit: str, other: str) -> bool:
    order = ("second", *_COARSER.values())
    return order.index(unit) < order.index(other)


def _bucket_of(unit: str, time: float) -> int:
    """The index of the bucket that a time is in."""
    if seconds := _SECONDS.get(unit):
        return int(time // seconds)
    moment = _EPOCH + timedelta(seconds=time)
    if unit == "month":
        return moment.year * 12 + moment.month - 1
    return moment.year // _YEARS[unit]


def _bucket_start(unit: str, index: int) -> float:
    """The start of a bucket, in epoch seconds."""
    if unit in _SECONDS:
        return index * _SECONDS[unit]
    year, month = divmod(index, 12) if unit == "month" else (index * _YEARS[unit], 0)
    return datetime(year, month + 1, 1, tzinfo=UTC).timestamp()
