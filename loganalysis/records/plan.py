"""How the records of one file are found: the rule, if known, and the objects that apply it."""

from collections.abc import Iterator
from dataclasses import dataclass

from loganalysis.count.joined_lines import LINE_END, JoinedLines
from loganalysis.count.lines import LineOptions
from loganalysis.match.patterns import Literal, Prepared
from loganalysis.read.stored import Stored, next_line_start, read_at
from loganalysis.read.window import LINE_HEAD_BYTES, Reader, Window
from loganalysis.records.lines import WindowLines
from loganalysis.records.rule import HEAD_BYTES, RecordRule, Records
from loganalysis.records.source import RecordSource
from loganalysis.times.line_times import LineTimes

_BLOCK_BYTES = 256 << 10


@dataclass(frozen=True)
class RecordPlan:
    """How records are found in a file. Without a rule, the first bytes of the data decide.

    `modified` is the time of the file, see LineTimes.
    """

    records: Records
    modified: float
    rule: RecordRule | None = None

    def source(self, source: Reader) -> Reader:
        """The data of a source, with one line for each record."""
        return RecordSource(source, self.rule, self.records, self.modified)

    def lines(
        self, window: Window, options: LineOptions | None, needs_lowercase: bool
    ) -> JoinedLines:
        """The lines of a window over such a source."""
        return WindowLines(window, options, needs_lowercase)

    def next_start(self, file: Stored, cut: int, size: int, is_dated: bool) -> int:
        """The offset of the first record that begins at or after `cut`, or `size`.

        If `is_dated`, it is the first one with a time. A line that begins a record only because the
        record before is too long does not count. The plan must have a rule. Raises OSError.
        """
        assert self.rule
        begins, second_of = self.rule.matcher(), LineTimes(self.modified).second_of
        start, record = -1, b""
        for at, head in _line_heads(file, next_line_start(file, cut - 1, size), size):
            if start >= 0 and second_of(record) is not None:
                return start
            if begins(head):
                if not is_dated:
                    return at
                start, record = at, head
            elif start >= 0:
                record += LINE_END + head
            if len(record) > LINE_HEAD_BYTES:
                record = record[:LINE_HEAD_BYTES]
        return start if start >= 0 and second_of(record) is not None else size


def _line_heads(file: Stored, at: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The offsets of the lines from an offset on, each with the first bytes of the line."""
    while at < size:
        data = read_at(file, at, min(_BLOCK_BYTES, size - at))
        if not data:
            return
        is_last = at + len(data) >= size
        stop = len(data) if is_last else max(len(data) - HEAD_BYTES - 1, 1)
        line = 0
        while line < stop:
            newline = data.find(b"\n", line)
            end = len(data) if newline < 0 else newline
            yield at + line, data[line : min(end, line + HEAD_BYTES + 1)]
            if newline < 0:
                break
            line = newline + 1
        else:
            at += line
            continue
        at = next_line_start(file, at + line, size)


def within_records(patterns: list[Prepared]) -> list[Prepared]:
    """The patterns for data in which each record is one line: a newline ends a line of a record."""
    return [
        Literal(each.index, each.text.replace(b"\n", LINE_END), each.folded)
        if isinstance(each, Literal)
        else each
        for each in patterns
    ]
