"""Builds the table of shapes of a stream of lines, in windows of any size."""

from collections.abc import Iterator
from typing import Protocol

from loganalysis.count.joined_lines import LINE_END
from loganalysis.templates.bins import Bins
from loganalysis.templates.c_shapes import KernelCounter
from loganalysis.templates.shapes import TIME_BYTES
from loganalysis.templates.table import MAX_SHAPES, Shape, ShapeTable
from loganalysis.times.line_times import LineTimes

_LIMIT_LINES = 1000
"""Lines after which bins may be made wider."""


class LineCounter(Protocol):
    """Counts whole lines by their shapes."""

    def add_lines(self, lines: memoryview) -> None:
        """Count lines that end with a newline each."""

    def skip_lines(self, number: int) -> None:
        """Number the next lines as if `number` lines had been counted."""

    @property
    def size(self) -> int:
        """The greatest number of shapes that `table` would return."""

    def table(self) -> ShapeTable:
        """The table of all lines so far."""


class Collector:
    """Feeds windows of data to a LineCounter, and joins the lines that windows cut.

    It keeps the first 1,024 bytes of a line that a window cuts, until the line's end is known.
    """

    def __init__(self, counter: LineCounter, are_records: bool = False) -> None:
        """If `are_records`, a line is a record, whose further lines follow form feeds."""
        self._counter, self._are_records = counter, are_records
        self._lines_left_out = 0
        self._cut = bytearray()
        self._is_in_line = False

    def feed(self, window: memoryview) -> None:
        """Add the next bytes of the data."""
        start, end = 0, len(window)
        if self._is_in_line:
            start = self._continue_line(window)
        last = _rfind_newline(window, start)
        if last > start:
            self._counter.add_lines(window[start:last])
        if last < end:
            self._keep(window[last:end])
            self._is_in_line = True

    def skip_lines(self, newlines: int) -> None:
        """Number the next lines as if data with so many newlines had been added."""
        self._counter.skip_lines(newlines)

    @property
    def size(self) -> int:
        """The greatest number of shapes that `so_far` would return."""
        return self._counter.size

    def so_far(self) -> ShapeTable:
        """Return the table of the lines that have ended. Later lines change it."""
        return self._counter.table()

    def finish(self) -> ShapeTable:
        """Return the table, after the last window. A last line needs no newline."""
        if self._is_in_line:
            self._end_line()
        return self._counter.table()

    def _continue_line(self, window: memoryview) -> int:
        """Add the rest of the line that was cut; returns where the next line begins."""
        newline = _find_newline(window)
        self._keep(window[:newline])
        if newline == len(window):
            return newline
        self._end_line()
        return newline + 1

    def _keep(self, line: memoryview) -> None:
        """Keep the start of a line. The rest can have further lines of its record."""
        room = TIME_BYTES - len(self._cut)
        self._cut += line[:room]
        if self._are_records:
            self._lines_left_out += bytes(line[room:]).count(LINE_END)

    def _end_line(self) -> None:
        self._cut += b"\n"
        self._counter.add_lines(memoryview(bytes(self._cut)))
        self._counter.skip_lines(self._lines_left_out)
        self._lines_left_out = 0
        self._cut.clear()
        self._is_in_line = False


def _find_newline(window: memoryview) -> int:
    """The position of the first newline, or the length of the window."""
    for at in range(0, len(window), TIME_BYTES):
        found = bytes(window[at : at + TIME_BYTES]).find(b"\n")
        if found >= 0:
            return at + found
    return len(window)


def _rfind_newline(window: memoryview, start: int) -> int:
    """The position after the last newline, or `start`."""
    for end in range(len(window), start, -TIME_BYTES):
        begin = max(end - TIME_BYTES, start)
        found = bytes(window[begin:end]).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
    return start


class PlainCounter:
    """A LineCounter without the kernel: the definition, and slow."""

    def __init__(self, modified: float, max_shapes: int = MAX_SHAPES) -> None:
        """`modified` is the time of the file, see LineTimes."""
        self._time_of = LineTimes(modified).second_of
        self._table = ShapeTable(max_shapes)
        self._max_shapes = max_shapes

    def add_lines(self, lines: memoryview) -> None:
        """Count lines that end with a newline each."""
        for line in _lines(lines):
            self._add(line)

    def skip_lines(self, number: int) -> None:
        """Number the next lines as if `number` lines had been counted."""
        self._table.lines += number

    @property
    def size(self) -> int:
        """The number of shapes."""
        return self._table.size

    def table(self) -> ShapeTable:
        """The table of all lines so far."""
        self._table.limit()
        return self._table

    def _add(self, line: bytes) -> None:
        table, time = self._table, self._time_of(line)
        table.lines += 1
        bins = Bins({} if time is None else {int(time // table.bin_seconds): 1})
        table.add(Shape(line[:TIME_BYTES], 1, table.lines, table.lines, time, time, bins))
        if len(table.shapes) > self._max_shapes or table.lines % _LIMIT_LINES == 0:
            table.limit()


def _lines(lines: memoryview) -> Iterator[bytes]:
    at, text = 0, bytes(lines)
    while at < len(text):
        newline = text.index(b"\n", at)
        yield text[at : min(newline, at + TIME_BYTES)]
        at = newline + 1


def overview_collector(modified: float, are_records: bool = False) -> Collector:
    """A collector for one scan. `modified` is the time of the file, see LineTimes."""
    return Collector(KernelCounter(modified, are_records=are_records), are_records)
