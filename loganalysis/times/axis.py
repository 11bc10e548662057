"""The time axis of a result: which times it spans, and how wide its bins are.

One wrong time, such as an epoch of 0 or a year 2099, would stretch the axis over decades, and all
other lines would be in one bin. Therefore an axis leaves out single times that are far away:

1. The core is the shortest span that has all lines but 1 % (all but one line, if there are 10 to 99
   lines with a time; all, if there are fewer).
   Up to a tenth of the lines is left out anyway if these are of the year 1970: a clock that was
   never set, or an epoch of 0.
2. The core grows to the nearest time outside of it, as long as this is at most a day away, or at
   most five times as long as the core is by then.
3. The axis is the span of the core. The lines outside are counted as `before` and `after`.

The rule depends only on the numbers of lines over time, not on their order in the file.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from loganalysis.read.json_values import Json
from loganalysis.times.histogram import rfc3339

MAX_BINS = 200
_DAY = 86_400
BINS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(days * _DAY for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""Seconds of a bin."""
_LEFT_OUT = 100
"""At most one of so many lines with a time is left out."""
_FEW_LINES = 10
"""From so many lines on, one of them can be left out."""
_END_OF_1970 = 365 * _DAY
_MOST_UNSET = 10
"""At most one of so many lines with a time is left out because it is of 1970."""
_NEAR_SECONDS = _DAY
_NEAR_SPANS = 5
"""A time is part of the axis if its distance is not greater than so many spans of the core."""

Cells = Iterable[tuple[int, int]]
"""Cells of one width: the number of each, which is its second divided by the width, and its count
of lines."""


@dataclass(frozen=True)
class Axis:
    """`bins` bins of `seconds` each. The first one has the number `first`."""

    first: int
    seconds: int
    bins: int

    def time(self, index: int) -> str:
        """The start of a bin in RFC 3339; 0 is the first bin."""
        return rfc3339((self.first + index) * self.seconds)

    def row(self, cells: Cells, width: int) -> list[int]:
        """The counts of cells in bins, with all zeros. Cells outside of the axis do not count.

        `width` is the width of the cells in seconds; the width of bins must be a multiple.
        """
        row, ratio = [0] * self.bins, self.seconds // width
        for number, count in cells:
            index = number // ratio - self.first
            if 0 <= index < self.bins:
                row[index] += count
        return row

    def outside(self, cells: Cells, width: int) -> dict[str, int]:
        """The numbers of lines `before` and `after` the axis; nothing if there are none."""
        before = after = 0
        for number, count in cells:
            index = number // (self.seconds // width) - self.first
            before += count if index < 0 else 0
            after += count if index >= self.bins else 0
        return {"before": before, "after": after} if before or after else {}

    def to_json(self) -> Json:
        """The axis as clients get it."""
        return {"start": self.time(0), "bin_seconds": self.seconds, "bins": self.bins}


def axis_of(cells: Cells, width: int, also: int = 1) -> Axis | None:
    """The axis of cells that are `width` seconds wide; None if they have no lines.

    Its bins are as short as MAX_BINS bins allow. They are multiples of the width, and of the width
    `also` of other cells.
    """
    counted = sorted((number, count) for number, count in cells if count)
    if not counted:
        return None
    first, last = core([number for number, _ in counted], [count for _, count in counted], width)
    start, end = first * width, last * width + width - 1
    for seconds in BINS:
        bins = end // seconds - start // seconds + 1
        if not seconds % width and not seconds % also and bins <= MAX_BINS:
            break
    return Axis(start // seconds, seconds, bins)


def core(numbers: Sequence[int], counts: Sequence[int], width: int = 1) -> tuple[int, int]:
    """The first and the last cell of the axis. `numbers` has every cell's number, ascending."""
    sums = [0, *accumulate(counts)]
    unset = bisect_left(numbers, _END_OF_1970 // width)
    unset = unset if sums[unset] * _MOST_UNSET <= sums[-1] else 0
    total = sums[-1] - sums[unset]
    allowed = total // _LEFT_OUT or int(total >= _FEW_LINES)
    low, high = unset, len(numbers) - 1
    for begin in range(unset, len(numbers)):
        end = bisect_left(sums, sums[begin] + total - allowed, begin + 1) - 1
        if end == len(numbers):
            break
        if numbers[end] - numbers[begin] < numbers[high] - numbers[low]:
            low, high = begin, end
    return _grown(numbers, low, high, width)


def _grown(numbers: Sequence[int], low: int, high: int, width: int) -> tuple[int, int]:
    """Grow the span of the cells `low` to `high` to all that are near."""
    while True:
        span = (numbers[high] - numbers[low] + 1) * width
        near = max(_NEAR_SECONDS, _NEAR_SPANS * span) // width
        if low > 0 and numbers[low] - numbers[low - 1] <= near:
            low -= 1
        elif high < len(numbers) - 1 and numbers[high + 1] - numbers[high] <= near:
            high += 1
        else:
            return numbers[low], numbers[high]
