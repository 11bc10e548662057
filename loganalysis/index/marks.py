"""A sparse index of a file: the offset, the number and the time of some lines.

offset 0 ──── mark ──── mark ──── mark ─ … ─ the last mark so far, or the end of the data

Marks are added in the order of the file, whenever data behind the last mark is read from there on.
So the first reader of a file makes the index for all that follow.
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from loganalysis.count.line_marks import FileMarks
from loganalysis.index.position import START, Position
from loganalysis.records.rule import Records
from loganalysis.times.time_bounds import NO_TIMES, TimeBounds, in_pairs

SPACING_BYTES = 1 << 20
MAX_MARKS = 4096
"""With more marks, every second one is dropped, and the spacing is doubled."""


class Piece(NamedTuple):
    """Lines from one offset to another, and the bounds of their times."""

    start: int
    end: int
    bounds: TimeBounds


@dataclass
class Marks:
    """The marks of one file. The first one is the start of the file."""

    positions: list[Position] = field(default_factory=lambda: [START])
    """Each has the time of the first line with a time at or behind it, or None."""
    spacing: int = field(default_factory=lambda: SPACING_BYTES)
    total_lines: int | None = None
    """Known once all data was read."""
    last_time: float | None = None
    """The time of the last line that has one; known with `total_lines`."""
    bounds: list[TimeBounds] = field(default_factory=list)
    """Of the lines from each mark to the next one, the last ones up to `bounded_to`."""
    bounded_to: int = 0
    """The offset up to which the times of all lines were read."""
    is_bounded: bool = False
    """Whether that is the end of the data."""
    of_records: tuple[Records, list[Piece]] | None = None
    """The bounds of the records of an analysis, in all of the data."""

    @property
    def is_complete(self) -> bool:
        """Whether the marks cover the whole file."""
        return self.total_lines is not None

    @property
    def last(self) -> Position:
        """The last mark."""
        return self.positions[-1]

    def add(self, position: Position) -> None:
        """Add a mark, unless the last one is near."""
        if position.offset < self.last.offset + self.spacing:
            return
        self.positions.append(position)
        if len(self.positions) > MAX_MARKS:
            self.spacing *= 2
            self.positions = self.positions[::2]
            self.bounds = [each for each in in_pairs(self.bounds) if each is not None]

    def finish(self, total_lines: int, last_time: float | None) -> None:
        """Note that all data was read."""
        self.total_lines, self.last_time = total_lines, last_time

    def adopt(self, found: FileMarks) -> None:
        """Take the marks that an analysis has made, instead of the own ones."""
        known = found.bounds if found.bounds and len(found.bounds) == len(found.marks) else None
        self.positions = [Position(*each) for each in found.marks]
        if not self.positions or self.positions[0].offset:
            self.positions.insert(0, Position(0, 1, None))
            known = None
        self.bounds, self.bounded_to, self.is_bounded = [], 0, False
        if known and found.records is not None:
            self.of_records = Records(found.records), _pieces(self.positions, known, found.size)
        elif known:
            self.bounds, self.bounded_to, self.is_bounded = known, found.size, True
        self.finish(found.lines, found.last_time)

    def before_line(self, line: int) -> Position:
        """The last mark that is not behind a line."""
        at = bisect.bisect_right(self.positions, line, key=lambda each: each.line)
        return self.positions[max(at - 1, 0)]

    def before_offset(self, offset: int) -> Position:
        """The last mark that is not behind an offset."""
        return self.positions[self._at(offset)]

    def _at(self, offset: int) -> int:
        """The number of the last mark that is not behind an offset."""
        return max(bisect.bisect_right(self.positions, offset, key=lambda each: each.offset) - 1, 0)

    def pieces(self) -> list[Piece]:
        """The pieces of the data up to `bounded_to`."""
        return _pieces(self.positions, self.bounds, self.bounded_to)

    def learn(self, offset: int, data: bytes, bounds_of: Callable[[bytes], TimeBounds]) -> None:
        """Read the times of whole lines at an offset, unless those before it are unknown."""
        end = offset + len(data)
        if not offset <= self.bounded_to < end:
            return
        while self.bounded_to < end:
            at, start = self._at(self.bounded_to), self.bounded_to
            stop = self.positions[at + 1].offset if at + 1 < len(self.positions) else end
            stop = min(stop, end)
            while at >= len(self.bounds):
                # The lines behind a new mark may be known already, as lines of the mark before.
                is_new = self.positions[len(self.bounds)].offset < start
                self.bounds.append(self.bounds[-1] if is_new and self.bounds else NO_TIMES)
            self.bounds[at] += bounds_of(data[start - offset : stop - offset])
            self.bounded_to = stop


def _pieces(marks: list[Position], bounds: list[TimeBounds], end: int) -> list[Piece]:
    starts = [each.offset for each in marks[: len(bounds)]]
    ends = [*starts[1:], end]
    return [Piece(*each) for each in zip(starts, ends, bounds, strict=False)]
