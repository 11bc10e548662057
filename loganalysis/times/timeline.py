"""Lines over time, on one axis for all patterns.

Lines are counted in cells of one width. It starts with the shortest width; when more than 1,024
cells have lines, it changes to the next one. Cells without lines take no room, so a few wrong times
do not make the cells wider. The width depends only on the times of all lines, and not on their
order or on the parts of a file. Each width is a multiple of the one before, so that cells can be
merged exactly.

A result has wider bins, up to 200 of them, on the axis that count/axis.py chooses.

A line without a time belongs to the time of the line before it.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from loganalysis.read.json_values import Json
from loganalysis.times.axis import Axis, axis_of

CELLS = 1024
"""The maximum number of cells with lines. The C kernel knows it, too."""
WIDTHS = (1, 5, 30, 300, 1800, 10_800, 86_400, 864_000, 8_640_000)
"""Seconds of a cell. The C kernel knows them, too."""


@dataclass
class Timeline:
    """Counts of lines by cell. Row 0 has all lines, row n + 1 the matching lines of pattern n.

    `cells` has the numbers of the cells with lines, ascending: cell n begins at second n * `width`.
    A row has a count for each of them; a row without lines can be empty. `undated` has, for each
    row, the number of lines before the first time. `lines` is the number of all lines.
    """

    width: int
    cells: "array[int]"
    rows: "list[array[int]]"
    undated: list[int]
    lines: int = 0

    @classmethod
    def of(cls, patterns: int) -> Self:
        """A timeline of no lines."""
        rows = [array("q") for _ in range(patterns + 1)]
        return cls(WIDTHS[0], array("q"), rows, [0] * (patterns + 1))

    def merge(self, later: "Timeline") -> None:
        """Add a later part of the file. Its first line must have a time, unless it has no lines."""
        if later.cells:
            width = max(self.width, later.width)
            while len(cells := _joined((self, later), width)) > CELLS:
                width = WIDTHS[WIDTHS.index(width) + 1]
            places = {number: place for place, number in enumerate(cells)}
            moved, added = self._places(places, width), later._places(places, width)
            for number, row in enumerate(later.rows):
                merged = _placed(self.rows[number], moved, len(cells))
                _add(merged, row, added)
                self.rows[number] = merged
            self.width, self.cells = width, array("q", cells)
        self.undated = [a + b for a, b in zip(self.undated, later.undated, strict=True)]
        self.lines += later.lines

    def _places(self, places: Mapping[int, int], width: int) -> list[int]:
        """The places of the cells among cells of another width."""
        ratio = width // self.width
        return [places[number // ratio] for number in self.cells]

    def axis(self, also: int = 1) -> Axis | None:
        """The axis of all lines, whose bins are a multiple of the width `also`, too."""
        return axis_of(self._counts(0), self.width, also)

    def to_json(self, keys: Sequence[str], axis: Axis | None) -> Json:
        """The bins of all rows on an axis. `keys` are the keys of the patterns."""
        if axis is None:
            return {
                **{"start": None, "bin_seconds": None, "bins": 0, "total": []},
                **{"patterns": {key: [] for key in keys}, "undated": self.undated[0]},
            }
        total, *patterns = (
            axis.row(self._counts(number), self.width) for number in range(len(self.rows))
        )
        return {
            **axis.to_json(),
            "total": total,
            "patterns": dict(zip(keys, patterns, strict=True)),
            "undated": self.undated[0],
            **axis.outside(self._counts(0), self.width),
        }

    def _counts(self, number: int) -> Iterable[tuple[int, int]]:
        """The cells of a row with their counts."""
        row = self.rows[number]
        return zip(self.cells, row, strict=True) if row else ()


def _joined(timelines: Sequence[Timeline], width: int) -> list[int]:
    """The numbers of the cells of timelines, in cells of this width."""
    return sorted({number // (width // each.width) for each in timelines for number in each.cells})


def _placed(row: "array[int]", places: Sequence[int], cells: int) -> "array[int]":
    """A row for other cells, given the new place of each cell."""
    placed = array("q", bytes(8 * cells))
    if row and places == list(range(places[0], places[0] + len(row))):
        placed[places[0] : places[-1] + 1] = row
    else:
        _add(placed, row, places)
    return placed


def _add(target: "array[int]", row: "array[int]", places: Sequence[int]) -> None:
    for place, count in zip(places, row, strict=False):
        if count:
            target[place] += count


def width_for(first: float, last: float) -> int:
    """The width of cells if the lines span from `first` to `last`, in epoch seconds."""
    return next(each for each in WIDTHS if last // each - first // each < CELLS)
