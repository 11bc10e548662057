"""A sparse index of a file: the offset, the number and the time of some lines.

offset 0 ──── mark ──── mark ──── mark ─ … ─ the last mark so far, or the end of the data

Marks are added in the order of the file, whenever data behind the last mark is read from there on.
So the first reader of a file makes the index for all that follow.
"""

import bisect
from dataclasses import dataclass, field

from runner.analysis.count.line_marks import FileMarks
from runner.analysis.index.position import START, Position

SPACING_BYTES = 1 << 20
MAX_MARKS = 4096
"""With more marks, every second one is dropped, and the spacing is doubled."""
DISORDER_SECONDS = 60.0
"""How far a line may lie behind its time in a file that counts as ordered by time."""


@dataclass
class Marks:
    """The marks of one file. The first one is the start of the file."""

    positions: list[Position] = field(default_factory=lambda: [START])
    """Each has the time of the first line with a time at or behind it, or None."""
    spacing: int = SPACING_BYTES
    total_lines: int | None = None
    """Known once all data was read."""
    last_time: float | None = None
    """The time of the last line that has one; known with `total_lines`."""

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

    def finish(self, total_lines: int, last_time: float | None) -> None:
        """Note that all data was read."""
        self.total_lines, self.last_time = total_lines, last_time

    def adopt(self, found: FileMarks) -> None:
        """Take the marks that an analysis has made, instead of the own ones."""
        first = Position(0, 1, None)
        self.positions = [Position(*each) for each in found.marks]
        if not self.positions or self.positions[0].offset:
            self.positions.insert(0, first)
        self.finish(found.lines, found.last_time)

    def before_line(self, line: int) -> Position:
        """The last mark that is not behind a line."""
        at = bisect.bisect_right(self.positions, line, key=lambda each: each.line)
        return self.positions[max(at - 1, 0)]

    def before_offset(self, offset: int) -> Position:
        """The last mark that is not behind an offset."""
        at = bisect.bisect_right(self.positions, offset, key=lambda each: each.offset)
        return self.positions[max(at - 1, 0)]

    def is_ordered(self) -> bool:
        """Whether all is known, and no mark is more than DISORDER_SECONDS behind another."""
        return self.is_complete and is_ordered([each.time for each in self.positions])

    def before_time(self, time: float) -> Position:
        """The last mark of an ordered file before which no line has this time, or a later one."""
        found = START
        for each in self.positions:
            if each.time is not None and each.time >= time - DISORDER_SECONDS:
                break
            found = each
        return found


def is_ordered(times: list[float | None]) -> bool:
    """Whether no time is more than DISORDER_SECONDS behind one that comes before it."""
    latest = float("-inf")
    for time in times:
        if time is not None:
            if time < latest - DISORDER_SECONDS:
                return False
            latest = max(latest, time)
    return True
