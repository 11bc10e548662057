"""The ranges of time that need an explanation: bursts, silences, and times with slow answers.

A silence is a run of bins in which a series, which is otherwise always there, has at most a tenth
of its median. It must be no accident: so many lines would be there by its share of the lines in the
other bins, and Chernoff's bound for a Poisson distribution, with the variation of this share, is
multiplied by the number of places and series.

A slow time is a run of bins whose 95th percentile of a field of numbers is SLOW times the median of
all bins or more, and as far from it as OUTLIER times the median deviation of their logarithms.

Ranges that are mostly the same are one. The rest are ordered by how much they stand out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from statistics import median

from loganalysis.explain.causes import variation
from loganalysis.explain.series import Quantiles, Series
from loganalysis.templates.bursts import ALPHA, FACTOR, MIN_BINS, MIN_COUNT, PART, bursts

MAX_RANGES = 10
QUIET = 10.0
"""A silence has at most the median divided by this."""
LEAST_USUAL = 5
"""The median of a series that can be silent."""
SLOW = 3.0
OUTLIER = 6.0
_MAD = 1.4826
"""Makes the median deviation of a normal distribution its standard deviation."""
_LEAST_DEVIATION = 0.05


@dataclass(frozen=True)
class Range:
    """The bins `start` to `end` - 1. `strength` is the number of lines that are too many or too
    few."""

    start: int
    end: int
    strength: float


@dataclass(frozen=True)
class SlowTime:
    """A range in which the 95th percentile of a field is `p95`, while it is usually `usual`."""

    range: Range
    field: str
    p95: float
    usual: float


def ranges_of(
    series: Sequence[Series], slow: Sequence[SlowTime], total: Sequence[int]
) -> list[Range]:
    """The ranges that need an explanation, at most MAX_RANGES, in the order of time."""
    found = [each.range for each in slow]
    for each in series:
        for burst in bursts(each.row, total, len(series)):
            found.append(Range(burst.start, burst.end, burst.count - burst.expected))
        found += silences(each.row, total, len(series))
    chosen: list[Range] = []
    for candidate in sorted(found, key=lambda each: (-each.strength, each.start, each.end)):
        if not any(_is_same(candidate, other) for other in chosen):
            chosen.append(candidate)
    return sorted(chosen[:MAX_RANGES], key=lambda each: (each.start, each.end))


def _is_same(weaker: Range, stronger: Range) -> bool:
    """Whether a range is a part of a stronger one, or both have most of their bins in common."""
    common = min(weaker.end, stronger.end) - max(weaker.start, stronger.start)
    whole = max(weaker.end, stronger.end) - min(weaker.start, stronger.start)
    return common == weaker.end - weaker.start or common * 2 >= whole


def silences(row: Sequence[int], total: Sequence[int], series: int) -> Iterator[Range]:
    """The silences of a series; `series` is the number of series that are examined."""
    places = [place for place, lines in enumerate(total) if lines]
    used = [row[place] for place in places]
    usual = median(used) if used else 0
    if len(used) < MIN_BINS or usual < LEAST_USUAL:
        return
    for start, end in _runs(len(used), lambda at: used[at] * QUIET <= usual):
        bins, count = end - start, sum(used[start:end])
        if not start or bins * PART >= len(used):  # a series that begins later is none
            continue
        first, last = places[start], places[end - 1] + 1
        lines = sum(total[first:last])
        share = (sum(used) - count) / (sum(total) - lines)
        expected, spread = share * lines, variation(row, total, first, last, share, of_all=False)
        chance = expected - count + (count * log(count / expected) if count else 0.0)
        if expected > count and chance / spread >= log(len(used) ** 2 * series / ALPHA):
            yield Range(first, last, expected - count)


def slow_times(quantiles: Sequence[Quantiles]) -> list[SlowTime]:
    """The slow times of all fields of numbers."""
    return [slow for each in quantiles for slow in _slow_times(each)]


def _slow_times(each: Quantiles) -> Iterator[SlowTime]:
    places = [at for at, p95 in enumerate(each.p95) if p95 is not None and p95 > 0]
    logs = [log(each.p95[at] or 1.0) for at in places]
    if len(places) < MIN_BINS:
        return
    usual = median(logs)
    deviation = max(_MAD * median(abs(value - usual) for value in logs), _LEAST_DEVIATION)
    least = usual + max(log(SLOW), OUTLIER * deviation)
    for start, end in _runs(len(logs), lambda at: logs[at] >= least):
        first, last = places[start], places[end - 1] + 1
        count = sum(each.counts[first:last])
        if count >= MIN_COUNT and (end - start) * PART < len(places):
            p95 = max(each.p95[at] or 0.0 for at in places[start:end])
            whole = Range(first, last, count / FACTOR)
            yield SlowTime(whole, each.field, p95, median(each.p95[at] or 0.0 for at in places))


def _runs(size: int, holds: Callable[[int], bool]) -> Iterator[tuple[int, int]]:
    """The start and end of each run of places for which something holds."""
    start = None
    for at in range(size + 1):
        if at < size and holds(at):
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None
