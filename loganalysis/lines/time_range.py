"""The times of the lines that a query wants, and where in a file such lines can be.

    piece       piece       piece       piece       not read yet
    09:00-10:00 10:00-11:00 10:59-12:00 12:00-13:00
                └── wanted: 10:30-11:30 ┘           └── wanted

The bounds of each piece show whether it can have a wanted line. So lines are never left out, in
whatever order their times are.
"""

from loganalysis.index.blocks import Block
from loganalysis.index.known_file import KnownFile
from loganalysis.index.marks import Piece
from loganalysis.index.position import Position
from loganalysis.lines.matcher import FieldProblem
from loganalysis.lines.query import LineQuery
from loganalysis.times.time_bounds import NO_TIMES, TimeBounds
from loganalysis.times.time_limits import TimeLimit


class TimeRange:
    """The times of the lines that are wanted, in epoch seconds: from `start`, before `end`."""

    def __init__(self, file: KnownFile, query: LineQuery) -> None:
        """Raises FieldProblem if the times of the query depend on times that are missing."""
        self.file, self.is_given, self._records = file, query.has_times, query.records
        last = file.last_time() if query.needs_last_time else None
        self.start = resolve("from", query.start, last, float("-inf"))
        self.end = resolve("to", query.end, last, float("inf"))
        self._pieces, is_all = file.pieces(query.records) if self.is_given else ([], False)
        known_to = self._pieces[-1].end if self._pieces else 0
        self._wanted = [each for each in self._pieces if each.bounds.overlap(self.start, self.end)]
        behind = Piece(known_to, known_to, NO_TIMES)
        self._first, self._last = (self._wanted or [behind])[0], (self._wanted or [behind])[-1]
        self._known_to = float("inf") if is_all else known_to
        self._is_all = is_all
        self.has_passed = False
        """Whether no line is wanted behind the blocks that were read."""

    def has(self, moment: float | None) -> bool:
        """Whether a line with this time is wanted."""
        return moment is not None and self.start <= moment < self.end

    def first_offset(self, before: int) -> int:
        """An offset behind which all wanted lines are, and so many lines before them."""
        if not self.is_given:
            return 0
        first = self._first
        if before:
            marks = self.file.marks
            line = marks.before_offset(first.start).line
            return marks.before_line(max(line - before, 1)).offset
        if self._records is None and self.start > float("-inf"):
            return self.file.offset_before(self.start, first)
        return first.start

    def start_for(self, line: int) -> Position:
        """A mark from which on a line with a time comes before a line, or the start."""
        marks = self.file.marks
        if not self.is_given:
            return marks.before_line(line)
        end = marks.before_line(line).offset
        dated = (
            each.start
            for each in reversed(self._pieces)
            if each.end <= end and each.bounds.latest is not None
        )
        return marks.before_offset(next(dated, 0))

    def wants(self, block: Block, before: float | None) -> bool:
        """Whether a line of a block can be wanted; `before` is the last time before the block."""
        if not self.is_given:
            return True
        at, end = block.position.offset, block.end.offset
        is_near = any(each.start < end and each.end > at for each in self._wanted)
        if (not is_near and end <= self._known_to) or self._is_too_early(block):
            return self.has(before)
        bounds = self._bounds_of(block)
        self.passes(bounds.latest, at)
        return self.has(before) or bounds.overlap(self.start, self.end)

    def passes(self, moment: float | None, offset: int) -> bool:
        """Whether no line is wanted behind one with a time of its own, at or behind an offset."""
        if moment is None or not self._is_all or offset < self._last.start:
            return False
        has_passed = self._last.bounds.all_after(moment, self.end)
        self.has_passed |= has_passed
        return has_passed

    def is_over(self, offset: int, before: float | None) -> bool:
        """Whether no line is wanted from an offset on; `before` is the last time before it."""
        is_behind = self._is_all and offset >= self._last.end
        return self.is_given and (is_behind or self.has_passed) and not self.has(before)

    def reach_end(self, offset: int, is_whole: bool) -> None:
        """Note that the data ends at an offset, unless it cannot be read to its end."""
        marks = self.file.marks
        marks.is_bounded |= is_whole and marks.bounded_to == offset

    def _is_too_early(self, block: Block) -> bool:
        """Whether a block in the first piece that counts ends before the first line that does."""
        first = self._first
        if block.position.offset < first.start or block.end.offset > first.end:
            return False
        last = self.file.clock.last(block.data if block.joined is None else block.joined, None)
        return last is not None and first.bounds.all_before(last, self.start)

    def _bounds_of(self, block: Block) -> TimeBounds:
        if self._records is None:
            self.file.marks.learn(block.position.offset, block.data, self.file.clock.bounds_of)
        return self.file.clock.bounds_of(block.data if block.joined is None else block.joined)


def resolve(field: str, limit: TimeLimit | None, last: float | None, default: float) -> float:
    """A limit in epoch seconds; `last` is the last time in the file. Raises FieldProblem."""
    if limit is None:
        return default
    found = limit.resolve(last)
    if found is None:
        detail = "it is relative to the last time in the file, but no line there has a time"
        raise FieldProblem(field, detail)
    return found
