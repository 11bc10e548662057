"""Reads one page of lines: seeks to its start, and scans from there.

    cursor, line, from ──seek──▶ block ──matcher, times──▶ hits, with context ──▶ sink
                                   ▲──────────────────────────┘

A page ends with the data, when it is full, or when its time is over. Unless all was read, it has a
cursor, with which the next page continues.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stringzilla import Str

from loganalysis.index.known_file import KnownFile
from loganalysis.index.learner import LearningReader
from loganalysis.index.line_clock import LineClock
from loganalysis.index.position import START, CursorError, Position, from_cursor, to_cursor
from loganalysis.lines.matcher import FieldProblem, Matcher
from loganalysis.lines.numbered_lines import NumberedLines, Sink, line_start
from loganalysis.lines.query import LineQuery
from loganalysis.lines.record_reader import RecordReader
from loganalysis.lines.time_range import TimeRange
from loganalysis.records.rule import LONGEST_RECORD


@dataclass(frozen=True)
class PageEnd:
    """How a page ended.

    `cursor` is None at the end of the file, or of the requested range. `problem` tells why the file
    cannot be read further. `total_lines` is the number of lines in the file, if it is known.
    """

    cursor: str | None
    problem: str | None
    total_lines: int | None


def read_page(file: KnownFile, query: LineQuery, sink: Sink, deadline: float) -> PageEnd:
    """Read one page; `deadline` is in monotonic seconds. Raises FieldProblem and OSError."""
    matcher = Matcher(query.match, query.regex, query.ignore_case, query.kind)
    position = _position(query.cursor)
    if query.needs_last_time and not file.knows_last_time:
        problem = read_to_end(file, deadline)
        if not file.knows_last_time:
            return PageEnd(None if problem else to_cursor(position), problem, None)
    end = read_from(file, query, matcher, position, sink, deadline)
    cursor = None if end.position is None else to_cursor(end.position)
    return PageEnd(cursor, end.problem, file.marks.total_lines)


@dataclass(frozen=True)
class ReadEnd:
    """Where the next page begins, None if nothing is left; and the problem that stops reading."""

    position: Position | None
    problem: str | None


def read_from(
    file: KnownFile,
    query: LineQuery,
    matcher: Matcher,
    position: Position,
    sink: Sink,
    deadline: float,
) -> ReadEnd:
    """Read a page from where the page before has ended. Raises FieldProblem and OSError.

    `matcher` has the conditions of the query.
    """
    times = TimeRange(file, query)
    first, line, offset = _first(file, query, times, position)
    if query.records is None:
        with LearningReader(file, first, deadline) as reader:
            _seek(reader, line, offset, file.clock if query.has_times else None, deadline)
            return _scan(Scan(query, matcher, times, reader, sink, deadline), position)
    rule = file.record_rule(query.records)
    earlier = replace(file.marks.before_offset(max(first.offset - LONGEST_RECORD, 0)), time=None)
    for start in (position,) if earlier.offset <= position.offset else (earlier, position):
        with LearningReader(file, start, deadline) as reader:
            records = RecordReader(reader, rule)
            is_near = start is position or records.find_start()
            if is_near is None:
                return ReadEnd(position, None)
            is_before = query.line is None or records.position.line <= query.line
            if is_near and (start is position or is_before):
                return _scan(Scan(query, matcher, times, records, sink, deadline), position)
    raise AssertionError("a page begins where the page before has ended, at the latest")


def _scan(scan: "Scan", position: Position) -> ReadEnd:
    """Read a page that begins at a position."""
    is_over = scan.run(position)
    return ReadEnd(None, scan.reader.problem) if is_over else ReadEnd(scan.position, None)


def _position(cursor: str | None) -> Position:
    try:
        return START if cursor is None else from_cursor(cursor)
    except CursorError as error:
        raise FieldProblem("cursor", str(error)) from None


def read_to_end(file: KnownFile, deadline: float) -> str | None:
    """Read the rest of a file, as far as time allows; return why it cannot be read further.

    Each call comes at least to the next mark, so the end is reached after some calls.
    """
    first = file.marks.last
    with LearningReader(file, first, deadline) as reader:
        while reader.next() and (time.monotonic() <= deadline or file.marks.last is first):
            pass
        return reader.problem


def _first(
    file: KnownFile, query: LineQuery, times: TimeRange, position: Position
) -> tuple[Position, int, int]:
    """Where to begin to read, and the line and the offset before which no line can be wanted.

    `position` is where the page before has ended.
    """
    line, offset = max((query.line or 1) - query.before, 1), times.first_offset(query.before)
    starts = (position, times.start_for(line), file.marks.before_offset(offset))
    first = max(starts, key=lambda each: each.offset)
    if first is not position:
        first = replace(first, time=None)  # a mark has the time of a later line
    return first, line, offset


def _seek(
    reader: LearningReader, line: int, offset: int, clock: LineClock | None, deadline: float
) -> None:
    """Read up to a line, and up to an offset, as far as time allows.

    With a clock, the position that is reached has the last time before it.
    """
    while reader.position.line < line or reader.position.offset < offset:
        block = reader.next() if time.monotonic() <= deadline else None
        if block is None:
            return
        at, is_there = len(block.data), block.end.line >= line and block.end.offset >= offset
        if is_there:
            at = max(
                line_start(block.data, line - block.position.line),
                block.data.rfind(b"\n", 0, max(offset - block.position.offset, 0)) + 1,
            )
        moment = block.position.time
        if clock and at:
            moment = clock.last(block.data[:at], moment)
        end = block.end if at == len(block.data) else block.position.of_line(block.data, at)
        reader.go_back(replace(end, time=moment), block.data[at:])
        if is_there:
            return


class Scan:
    """Scans blocks, and passes the lines that are wanted to the sink."""

    def __init__(
        self,
        query: LineQuery,
        matcher: Matcher,
        times: TimeRange,
        reader: LearningReader | RecordReader,
        sink: Sink,
        deadline: float,
    ) -> None:
        self._query, self._matcher, self._times = query, matcher, times
        self.reader, self._sink, self._deadline = reader, sink, deadline
        self._clock = times.file.clock
        self._shown_to = 0
        self.position = reader.position
        """Where the next page begins, once this one has ended."""
        self._after = 0  # lines to show as context

    def run(self, first: Position) -> bool:
        """Scan; return whether nothing is left. Else `position` is where the next page begins.

        `first` is where this page begins. Its `after` and `searched` come from the page before.
        """
        self._after = first.after
        searched_to, kept, at = first.offset + first.searched, b"", self.reader.position
        kept_borders, before = b"", at.time
        while (block := self.reader.next()) is not None:
            at = at if kept else replace(block.position, time=at.time)
            data = kept + block.data
            borders = data if block.joined is None else kept_borders + block.joined
            searched = min(max(searched_to - at.offset, len(kept)), len(data))
            if not self._times.wants(block, before):
                searched = len(data)
            stop, is_over = self._scan_block(data, borders, searched, at)
            if stop is not None:
                end = self._position_of(at, borders, stop, block.end, data)
                self._leave(end, data[stop:], 0)
                return is_over
            start = self._kept_from(borders, block.end)
            at = self._position_of(at, borders, start, block.end, data)
            kept, kept_borders = data[start:], borders[start:]
            before = self._before_next(kept_borders, at.time)
            if not self._after and self._times.is_over(block.end.offset, before):
                return True
            if time.monotonic() > self._deadline and block.end.offset > searched_to:
                break
        if block is None and self.reader.at_end:
            self._times.reach_end(self.reader.position.offset, self.reader.problem is None)
            return True
        if not kept:  # perhaps within a line that is too long
            at = replace(self.reader.position, time=at.time)
        self._leave(at, kept, len(kept))
        return False

    def _before_next(self, kept: bytes, before: float | None) -> float | None:
        """The last time before the next block, if times count; `before` is that before `kept`."""
        return self._clock.last(kept, before) if self._times.is_given else None

    def _leave(self, at: Position, rest: bytes, searched: int) -> None:
        """End the page at a position. `rest` was read from there on, and partly searched."""
        self.reader.go_back(at, rest)
        self.position = replace(at, after=self._after, searched=searched)

    def _scan_block(
        self, data: bytes, borders: bytes, searched: int, position: Position
    ) -> tuple[int | None, bool]:
        """Scan a block. Its first `searched` bytes were searched before.

        `borders` is the data with one line for each line or record. Returns where the page ends in
        it, or None, and whether nothing is left.
        """
        query = self._query
        lines = NumberedLines(data, borders, position.line, self._sink)
        if query.line and position.line < query.line:
            searched = max(searched, _start_of(data, borders, query.line - position.line))
        if self._takes_all:
            lines.add_all(searched)
            self._shown_to = len(data)
            return (len(data) if self._sink.is_full() else None), False
        for start in self._hits(data, borders, searched, position):
            self._after -= lines.add_context(self._after, start)
            if self._sink.is_full():
                return lines.shown_to, False
            lines.add_hit(start, query.before)
            self._after = query.after
            if self._sink.is_full() and not self._after:
                return lines.shown_to, False
        self._after -= lines.add_context(self._after, len(data))
        self._shown_to = lines.shown_to
        is_full = self._sink.is_full() and not self._after
        return (lines.shown_to if is_full else None), self._times.has_passed

    @property
    def _takes_all(self) -> bool:
        return self._matcher.is_empty and not self._times.is_given and self._sink.takes_blocks

    def _hits(self, data: bytes, borders: bytes, start: int, position: Position) -> Iterator[int]:
        """Yield the start of each line that is wanted."""
        found = self._matcher.line_starts(data, start, borders)
        if not self._times.is_given:
            yield from found
            return
        latest, floor = position.time, 0
        for at in found:
            latest = self._clock.at(borders, at, latest, floor)
            floor = at
            if self._times.has(latest):
                yield at
            elif latest != position.time and self._times.passes(latest, position.offset):
                return

    def _kept_from(self, borders: bytes, end: Position) -> int:
        """Where the lines begin that can be context of a line in the next block."""
        at = len(borders)
        if end.mid_line or not borders.endswith(b"\n"):
            return at
        for _ in range(self._query.before):
            if at <= self._shown_to:
                break
            at = borders.rfind(b"\n", 0, at - 1) + 1
        return max(at, self._shown_to)

    def _position_of(
        self, first: Position, borders: bytes, at: int, end: Position, data: bytes
    ) -> Position:
        """The position of a line of a block that begins at `first`, with the time before it."""
        moment = first.time
        if self._times.is_given and at:
            moment = self._clock.last(borders[:at], first.time)
        if at == len(data):
            return replace(end, time=moment)
        return replace(first.of_line(data, at), time=moment)


def _start_of(data: bytes, borders: bytes, newlines: int) -> int:
    """The start of the record, or of the line, that has the line behind so many newlines."""
    if newlines > Str(data).count(b"\n"):
        return len(data)
    at = line_start(data, newlines)
    return at if at == len(data) else borders.rfind(b"\n", 0, at) + 1
