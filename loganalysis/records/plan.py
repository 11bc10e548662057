"""How the records of one file are found: the rule, if known, and the objects that apply it."""

from collections.abc import Iterator
from dataclasses import dataclass

from loganalysis.count.joined_lines import LINE_END, JoinedLines
from loganalysis.count.lines import LineOptions
from loganalysis.match.patterns import Literal, Prepared
from loganalysis.read.errors import SourceError
from loganalysis.read.stored import Stored, next_line_start, read_at
from loganalysis.read.window import LINE_HEAD_BYTES, Reader, Window
from loganalysis.records.c_records import RecordKernel
from loganalysis.records.lines import WindowLines
from loganalysis.records.rule import HEAD_BYTES, SAMPLE_BYTES, RecordRule, Records, rule_of
from loganalysis.times.line_times import LineTimes

_BLOCK_BYTES = 256 << 10
_JOINED_BYTES = 2 * SAMPLE_BYTES
"""A smaller buffer is filled from one of this size, so that HEAD_BYTES are always in view."""


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


class RecordSource:
    """The data of another source, with one line for each record.

        source ──blocks──▶ [ joined ........ | not decided yet ] ──▶ readinto(window)

    Newlines within records are replaced, byte for byte, so all offsets stay the same. The last
    newline of a block is decided when the start of the line after it is known.
    """

    def __init__(
        self, source: Reader, rule: RecordRule | None, records: Records, modified: float
    ) -> None:
        """Without a rule, the first bytes of the data decide, see rule_of."""
        self._source, self._records, self._modified = source, records, modified
        self._kernel = RecordKernel(rule) if rule else None
        self._block = memoryview(bytearray(_JOINED_BYTES))
        self._ready = memoryview(b"")  # joined
        self._open = b""  # read, but not decided yet
        self._offset = 0  # of `_open`, in the data
        self._at_end = False
        self._failure: OSError | SourceError | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the bytes read so far are known to be valid UTF-8."""
        return self._source.is_valid

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Reader. Errors are raised after all data before them was read."""
        filled = self._take(buffer)
        while filled < len(buffer) and not (self._at_end and not self._open):
            left = buffer[filled:]
            if len(left) >= len(self._block):
                filled += self._read(left)
            else:
                self._ready = self._block[: self._read(self._block)]
                filled += self._take(left)
        if not filled and self._failure and len(buffer):
            raise self._failure
        return filled

    def _take(self, buffer: memoryview) -> int:
        """Move joined data to a buffer."""
        size = min(len(self._ready), len(buffer))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _read(self, buffer: memoryview) -> int:
        """Fill a large buffer, join its lines, and return the number of bytes that are decided."""
        end = len(self._open)
        buffer[:end] = self._open
        while end < len(buffer) and not self._at_end:
            try:
                size = self._source.readinto(buffer[end:])
            except (OSError, SourceError) as error:
                size, self._failure = 0, error
            end += size
            self._at_end = not size
        if self._kernel is None:
            head = bytes(buffer[: min(end, SAMPLE_BYTES)])
            self._kernel = RecordKernel(rule_of(self._records, head, self._modified))
        stop = end if self._at_end else _decided(buffer, end)
        self._kernel.join(buffer, self._offset, 0, stop, end)
        self._open = bytes(buffer[stop:end])
        self._offset += stop
        return stop


def _decided(data: memoryview, end: int) -> int:
    """The end of the bytes that cannot change, with the start of the line after them known."""
    last = bytes(data[max(end - 1 - HEAD_BYTES, 0) : end])
    newline = last.rfind(b"\n")
    return end if newline < 0 else end - len(last) + newline
