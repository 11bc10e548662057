"""Fields over time, in the bins of the timeline.

While lines are read, C counts in cells of time (native/cells.c). At most 512 cells are in use. If
more are needed, all cells change to the next width of

    1, 5, 15, 30 s, 1, 5, 15, 30 min, 1, 3, 6, 12 h, 1, 5, 10, 50, 100, 500 days

Each width is a multiple of the one before, so that cells merge. The timeline then has bins that are
a multiple of the width.
"""

from dataclasses import dataclass
from math import ceil

from loganalysis.fields import distinct
from loganalysis.fields.memory import FieldMemory, hash_of
from loganalysis.fields.numbers import Numbers
from loganalysis.fields.statistics import FieldStatistics, shown
from loganalysis.read.json_values import Json

MAX_TOP, MAX_EXPLAINING = 10, 30
"""Values of a field whose counts are shown over time; more if these explain bursts."""
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_DIGITS = 6  # of the shown quantiles
_ROUNDING = 1e-5  # rounding to _DIGITS changes a quantile by a smaller share


@dataclass(frozen=True)
class Bins:
    """The bins of a timeline: the first is number `first`, and begins at second first * seconds."""

    first: int
    seconds: int
    count: int


def over_time(
    memory: FieldMemory, field: int, whole: FieldStatistics, bins: Bins | None, values: int
) -> Json:
    """The statistics of a field in each bin, with the counts of its most frequent `values`.

    `whole` are the statistics of the whole file. The width of bins must be a multiple of the cells'
    width.
    """
    numbers = range(bins.first, bins.first + bins.count) if bins else range(0)
    sketches = [memory.sketch(field, bins.seconds if bins else 1, number) for number in numbers]
    shown_values = [value for value, _ in whole.most_frequent(values)]
    is_estimated = any(each.is_estimated for each in sketches)
    found: Json = {
        "count": [each.count for each in sketches],
        "distinct": [each.distinct for each in sketches],
        "distinct_error": distinct.CELL_ERROR if is_estimated else 0.0,
        **dict.fromkeys(_SHARES),
        "relative_error": None,
        "top": [
            {"value": shown(value), "counts": [each.counts.get(hash_, 0) for each in sketches]}
            for value, hash_ in ((value, hash_of(value) or 1) for value in shown_values)
        ],
        "top_errors": [each.purged for each in sketches],
    }
    if whole.has_numbers:
        rows = [each.quantiles(list(_SHARES.values())) for each in sketches]
        for number, name in enumerate(_SHARES):
            found[name] = [row and _within(row[number], whole.numbers) for row in rows]
        error = max((each.relative_error for each in sketches), default=0.0)
        found["relative_error"] = ceil(1e4 * (error + _ROUNDING)) / 1e4
    return found


def _within(quantile: float, numbers: Numbers) -> float:
    """A quantile between the least and the largest number of the file, rounded."""
    number = min(max(quantile, numbers.least), numbers.most)
    return float(f"{number:.{_DIGITS}g}")
