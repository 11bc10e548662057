"""Lines over time, on one axis for all patterns.

The axis is divided into cells of one width. It starts with the shortest width; when the lines span
more than 1,024 cells, it changes to the next one. So the width depends only on the first and the
last time, and not on the order of the lines or on the parts of a file. Each width is a multiple of
the one before, so that cells can be merged exactly.

A result has wider bins, 50 to 200 of them. Their width is a multiple of the cells' width, because
the first width in BINS that needs at most 200 bins is at least a fifth of 1,024 cells.

A line without a time belongs to the time of the line before it.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from runner.analysis.count.histogram import rfc3339, seconds_of_rfc3339

CELLS = 1024
"""The maximum number of cells in use. The C kernel knows it, too."""
WIDTHS = (1, 5, 30, 300, 1800, 10_800, 86_400, 864_000, 8_640_000)
"""Seconds of a cell. The C kernel knows them, too."""
MAX_BINS = 200
_DAY = 86_400
BINS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(days * _DAY for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""Seconds of a bin."""


@dataclass
class Timeline:
    """Counts of lines by cell. Row 0 has all lines, row n + 1 the matching lines of pattern n.

    `first` is the number of the first cell: cell n begins at second n * `width`. A row has a count
    for each cell from there on; a row without lines can be empty. `undated` has, for each row, the
    number of lines before the first time. `lines` is the number of all lines.
    """

    width: int
    first: int
    cells: int
    rows: "list[array[int]]"
    undated: list[int]
    lines: int = 0

    @classmethod
    def of(cls, patterns: int) -> Self:
        """A timeline of no lines."""
        rows = [array("q") for _ in range(patterns + 1)]
        return cls(WIDTHS[0], 0, 0, rows, [0] * (patterns + 1))

    def merge(self, later: "Timeline") -> None:
        """Add a later part of the file. Its first line must have a time, unless it has no lines."""
        if later.cells:
            width = max(self.width, later.width)
            spans = [each for each in (self, later) if each.cells]
            while len(_span(spans, width)) > CELLS:
                width = WIDTHS[WIDTHS.index(width) + 1]
            span = _span(spans, width)
            for number, row in enumerate(later.rows):
                merged = self._row(number, width, span)
                _add(merged, row, later, width, span.start)
                self.rows[number] = merged
            self.width, self.first, self.cells = width, span.start, len(span)
        self.undated = [a + b for a, b in zip(self.undated, later.undated, strict=True)]
        self.lines += later.lines

    def dump(self) -> dict[str, Any]:
        """The timeline for JSON."""
        return {
            "width": self.width,
            "first": self.first,
            "cells": self.cells,
            "rows": [row.tolist() if any(row) else [] for row in self.rows],
            "undated": self.undated,
            "lines": self.lines,
        }

    @classmethod
    def load(cls, content: dict[str, Any]) -> Self:
        """A timeline from the output of `dump`."""
        return cls(**{**content, "rows": [array("q", row) for row in content["rows"]]})

    def to_json(self, keys: Sequence[str], other: dict[str, Any] | None = None) -> dict[str, Any]:
        """The bins of all rows. `keys` are the keys of the patterns.

        `other` is the timeline of an overview: its lists are added, and its bins are used.
        """
        if other and self.cells and other["bin_seconds"] % self.width == 0:
            return self._joined(keys, other)
        if not self.cells:
            return {
                **{"start": None, "bin_seconds": None, "bins": 0, "total": []},
                **{"patterns": {key: [] for key in keys}, "undated": self.undated[0]},
            }
        width = next(each for each in BINS if len(_span([self], each)) <= MAX_BINS)
        span = _span([self], width)
        total, *patterns = (self._row(n, width, span).tolist() for n in range(len(self.rows)))
        return {
            "start": rfc3339(span.start * width),
            "bin_seconds": width,
            "bins": len(span),
            "total": total,
            "patterns": dict(zip(keys, patterns, strict=True)),
            "undated": self.undated[0],
        }

    def _joined(self, keys: Sequence[str], other: dict[str, Any]) -> dict[str, Any]:
        """Both timelines on one axis, which has the bins of the other."""
        width = other["bin_seconds"]
        first = round(seconds_of_rfc3339(other["start"])) // width
        own, end = _span([self], width), first + other["bins"]
        span = range(min(own.start, first), max(own.stop, end))
        before, after = [0] * (first - span.start), [0] * (span.stop - end)
        lists = {
            kind: {key: [*before, *counts, *after] for key, counts in rows.items()}
            for kind, rows in other.items()
            if isinstance(rows, dict)
        }
        total, *patterns = (self._row(n, width, span).tolist() for n in range(len(self.rows)))
        return {
            "start": rfc3339(span.start * width),
            **{"bin_seconds": width, "bins": len(span), "total": total},
            **lists,
            **{"patterns": dict(zip(keys, patterns, strict=True)), "undated": self.undated[0]},
        }

    def _row(self, number: int, width: int, span: range) -> "array[int]":
        """A row in cells of another width, which is a multiple of the width."""
        row = self.rows[number]
        if width == self.width and span == range(self.first, self.first + len(row)):
            return row
        wide = array("q", bytes(8 * len(span)))
        _add(wide, row, self, width, span.start)
        return wide


def _span(timelines: Sequence[Timeline], width: int) -> range:
    """The numbers of cells of this width that the cells of timelines are in."""
    starts = [each.first * each.width // width for each in timelines]
    ends = [(each.first + each.cells - 1) * each.width // width for each in timelines]
    return range(min(starts), max(ends) + 1)


def _add(target: "array[int]", row: "array[int]", of: Timeline, width: int, first: int) -> None:
    """Add a row of a timeline to cells of this width, of which `first` is the first."""
    ratio = width // of.width
    for number, count in enumerate(row, of.first):
        if count:
            target[number // ratio - first] += count


def width_for(first: float, last: float) -> int:
    """The width of cells if the lines span from `first` to `last`, in epoch seconds."""
    return next(each for each in WIDTHS if last // each - first // each < CELLS)
