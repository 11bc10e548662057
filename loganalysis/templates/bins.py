"""Counts over time, in bins whose width adapts to the data.

Each of WIDTHS divides the next one. The width is the smallest of WIDTHS with which at most MAX_BINS
bins have lines. It therefore does not depend on the order in which lines are counted, and a few
wrong times do not make the bins wider.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping

_DAY = 86_400
WIDTHS = (
    *(1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200),
    *(days * _DAY for days in (1, 2, 10, 20, 100, 500)),
)
"""In seconds. The C kernel knows them, too."""

MAX_BINS = 256
"""That have lines. The axis of a result has at most count.axis.MAX_BINS, with those in between."""


class Bins:
    """Number of lines by the number of the bin, which is the time divided by the width.

    Bins are sorted arrays, since a table may have a million of them.
    """

    __slots__ = ("_counts", "_numbers")

    def __init__(self, counted: Mapping[int, int] | None = None) -> None:
        pairs = sorted((counted or {}).items())
        self._numbers = array("q", [number for number, _ in pairs])
        self._counts = array("q", [count for _, count in pairs])

    def __iter__(self) -> Iterator[int]:
        """The numbers of all bins, ascending."""
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def items(self) -> Iterator[tuple[int, int]]:
        """The number and the count of each bin, ascending."""
        return zip(self._numbers, self._counts, strict=True)


def coarsened(bins: Bins, width: int, coarser: int) -> Bins:
    """Convert counts from bins of WIDTHS[width] to bins of WIDTHS[coarser]."""
    ratio = WIDTHS[coarser] // WIDTHS[width]
    if ratio == 1:
        return bins
    result: dict[int, int] = {}
    for number, count in bins.items():
        result[number // ratio] = result.get(number // ratio, 0) + count
    return Bins(result)


def width_for(used: Iterable[int], width: int) -> int:
    """The index of the width, from `width` on, for which these are at most MAX_BINS bins."""
    numbers = set(used)
    while len(numbers) > MAX_BINS and width + 1 < len(WIDTHS):
        ratio, width = WIDTHS[width + 1] // WIDTHS[width], width + 1
        numbers = {number // ratio for number in numbers}
    return width


def added(bins: Bins, other: Bins) -> Bins:
    """The sums of the counts of bins of the same width."""
    if not len(bins) or not len(other):
        return bins if len(bins) else other
    result = dict(bins.items())
    for number, count in other.items():
        result[number] = result.get(number, 0) + count
    return Bins(result)
