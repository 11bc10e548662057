"""Numbers the lines of a block, and passes the wanted ones to a sink."""

from typing import Protocol

from stringzilla import Str


class Sink(Protocol):
    """Takes the lines of a page, in order."""

    def is_full(self) -> bool:
        """Whether no further matching line should follow."""

    @property
    def takes_blocks(self) -> bool:
        """Whether lines may come in blocks, without their numbers."""

    def add(self, number: int, line: bytes, is_context: bool) -> None:
        """Add a line without its newline, or a record without its last one."""

    def add_block(self, data: bytes) -> None:
        """Add whole lines. Only called if `takes_blocks` is true."""


class NumberedLines:
    """The lines, or records, of one block. They are passed on in ascending order."""

    def __init__(self, data: bytes, borders: bytes, number: int, sink: Sink) -> None:
        """The first line has `number`. `borders` has one line for each line or record."""
        self._data, self._text, self._sink = data, Str(data), sink
        self._borders = borders
        self._counted_to, self._number = 0, number
        self.shown_to = 0
        """The end of the last line that was passed on."""

    def add_hit(self, start: int, before: int) -> None:
        """Pass on a matching line, after up to `before` lines of context."""
        first = start
        for _ in range(before):
            if first <= self.shown_to:
                break
            first = max(self._borders.rfind(b"\n", 0, first - 1) + 1, self.shown_to)
        while first < start:
            first = self._add(first, True)
        self._add(start, False)

    def add_context(self, lines: int, end: int) -> int:
        """Pass on up to `lines` lines behind the last one, before `end`; return their number."""
        at, count = self.shown_to, 0
        while count < lines and at < end:
            at, count = self._add(at, True), count + 1
        return count

    def add_all(self, start: int) -> None:
        """Pass on all lines from a position on as one block."""
        self._sink.add_block(self._data[start:] if start else self._data)
        self.shown_to = len(self._data)

    def _add(self, start: int, is_context: bool) -> int:
        """Pass on a line; return where the next one begins."""
        end = self._borders.find(b"\n", start)
        following = len(self._data) if end < 0 else end + 1
        self._number += self._text.count(b"\n", self._counted_to, start)
        self._counted_to = start
        line = self._data[start : following if end < 0 else end]
        self._sink.add(self._number, line, is_context)
        self.shown_to = following
        return following


def line_start(data: bytes, newlines: int) -> int:
    """The position behind this many newlines, at most the end of the data."""
    at = 0
    for _ in range(newlines):
        at = data.find(b"\n", at) + 1
        if not at:
            return len(data)
    return at
