"""Counts over time, in bins whose width adapts to the data.

The width is the smallest of WIDTHS, each of which divides the next, for which at most MAX_BINS bins
have lines. It therefore does not depend on the order in which lines are counted, and a few wrong
times do not make the bins wider.
"""

from collections.abc import Iterable

_DAY = 86_400
WIDTHS = (
    *(1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200),
    *(days * _DAY for days in (1, 2, 10, 20, 100, 500)),
)
"""In seconds. The C kernel knows them, too."""

MAX_BINS = 256
"""That have lines. The axis of a result has at most count.axis.MAX_BINS, with those in between."""

Bins = dict[int, int]
"""Number of lines by the number of the bin, which is the time divided by the width."""


def coarsened(bins: Bins, width: int, coarser: int) -> Bins:
    """The same counts in bins of the width WIDTHS[coarser] instead of WIDTHS[width]."""
    ratio = WIDTHS[coarser] // WIDTHS[width]
    if ratio == 1:
        return bins
    result: Bins = {}
    for number, count in bins.items():
        result[number // ratio] = result.get(number // ratio, 0) + count
    return result


def width_for(used: Iterable[int], width: int) -> int:
    """The index of the width, from `width` on, for which these are at most MAX_BINS bins."""
    numbers = set(used)
    while len(numbers) > MAX_BINS and width + 1 < len(WIDTHS):
        ratio, width = WIDTHS[width + 1] // WIDTHS[width], width + 1
        numbers = {number // ratio for number in numbers}
    return width


def add(bins: Bins, other: Bins) -> None:
    """Add the counts of other bins of the same width."""
    for number, count in other.items():
        bins[number] = bins.get(number, 0) + count
