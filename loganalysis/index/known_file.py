"""Remembers facts about a stored file: how to read it, its marks, and where its times are."""

import logging
from collections.abc import Hashable

from loganalysis.count.line_marks import FileMarks, MarksError, decode_marks
from loganalysis.index.line_clock import LineClock
from loganalysis.index.marks import Marks, Piece
from loganalysis.index.position import Position
from loganalysis.index.stream import Streams, Text, TextFile, is_local
from loganalysis.read.errors import SourceError
from loganalysis.read.stored import Stored, read_at
from loganalysis.read.text_check import check_file
from loganalysis.records.rule import SAMPLE_BYTES, TIMES, RecordRule, Records, rule_of
from loganalysis.times.line_times import LineTimes
from loganalysis.times.time_span import TimeSpan

log = logging.getLogger(__name__)

_PROBE_BYTES = 16 << 10
_MAX_ISSUED = 1000


class KnownFile:
    """A file whose lines were read before."""

    def __init__(self, key: Hashable, text: Text, streams: Streams) -> None:
        """`key` names the file in `streams`."""
        self.key = key
        self.text = text
        self.marks = Marks()
        self.clock = LineClock(self.text.modified)
        self.streams = streams
        self.frontier = 0
        """The offset up to which data was read, without a gap, for the marks."""
        self._issued: dict[tuple[int, int], None] = {}
        self._last_time: float | None = None
        self._rules: dict[Records, RecordRule] = {}

    @classmethod
    def of_file(
        cls, key: Hashable, file: Stored, encoding: str | None, streams: Streams
    ) -> "KnownFile":
        """A stored file that is no archive. Raises FormatError and OSError."""
        check_file(file, encoding)
        return cls(key, TextFile(file, encoding), streams)

    def use(self, file: Stored) -> None:
        """Read from a newer URL of the file from now on."""
        self.text.stored = file

    def adopt(self, index: str) -> None:
        """Take the marks of an analysis, unless they are damaged or belong to another file."""
        if self.marks.is_complete:
            return
        try:
            found = decode_marks(index)
        except MarksError as error:
            log.warning("the index of a file is not used", extra={"reason": str(error)})
            return
        self.adopt_marks(found)

    def adopt_marks(self, found: FileMarks) -> None:
        """Take decoded marks, unless they belong to another file."""
        if not self.text.is_plain or found.size == self.text.size:
            self.marks.adopt(found)
            self.frontier = found.size
            if found.reference is not None:
                self.text.modified, self._rules = found.reference, {}
                self.clock = LineClock(found.reference)

    def adopt_points(self, points: str) -> None:
        """Take the access points of an analysis, if the file is a large gzip file."""
        if isinstance(self.text, TextFile):
            self.text.adopt_points(points)

    def issue(self, position: Position) -> None:
        """Note a position that was reached without a gap, and that a client may send again."""
        self.frontier = max(self.frontier, position.offset)
        self._issued[position.offset, position.line] = None
        if len(self._issued) > _MAX_ISSUED:
            del self._issued[next(iter(self._issued))]

    def is_right(self, position: Position) -> bool:
        """Whether the line number of a position is known to be right: a client can send any."""
        mark = self.marks.before_offset(position.offset)
        here = position.offset, position.line
        return here == (mark.offset, mark.line) or here in self._issued

    def record_rule(self, records: Records) -> RecordRule:
        """Where records begin, as for the analysis of the file. Raises OSError."""
        if records not in self._rules:
            self._rules = {records: rule_of(records, self._head(), self.text.modified)}
        return self._rules[records]

    def _head(self) -> bytes:
        """The first bytes of the data, or those before an error."""
        stream, found = self.streams.take(self.key, self.text, 0), b""
        try:
            stream.skip_to(0, float("inf"))
            while len(found) < SAMPLE_BYTES and (new := stream.read(SAMPLE_BYTES - len(found))):
                found += new
        except SourceError:
            stream.close()  # reading the lines raises it again
            return found
        except OSError:
            stream.close()
            raise
        stream.unread(found)
        self.streams.put(self.key, stream)
        return found

    def last_time(self) -> float | None:
        """The last time in the file; None if it has none, or if it is not known yet."""
        if self._last_time is None and self.text.is_plain:
            span = TimeSpan.of_file(self.text.stored).times(LineTimes(self.text.modified))
            self._last_time = span and span[1]
        return self._last_time if self.text.is_plain else self.marks.last_time

    @property
    def knows_last_time(self) -> bool:
        """Whether `last_time` is the answer, without reading the whole file."""
        return self.text.is_plain or self.marks.is_complete

    def pieces(self, records: Records | None) -> tuple[list[Piece], bool]:
        """Pieces from the start on with the bounds of the times in them, and whether they are all.

        The times belong to lines or to `records`. Raises OSError.
        """
        marks = self.marks
        if records and marks.of_records and marks.of_records[0] == records:
            return marks.of_records[1], True
        if records is None or self.record_rule(records).kind == TIMES:
            return marks.pieces(), marks.is_bounded  # the time of a record is the time of a line
        return [], False

    def offset_before(self, time: float, piece: Piece) -> int:
        """An offset in a piece before which no line has this time, or a later one."""
        low, high = piece.start, piece.end
        while is_local(self.text) and high - low > 2 * _PROBE_BYTES:
            middle = (low + high) // 2
            found = self._probe(middle)
            if found is not None and piece.bounds.all_before(found, time):
                low = middle
            else:
                high = middle
        return low

    def _probe(self, offset: int) -> float | None:
        """The first time in the lines that begin behind an offset, if it is near."""
        data = read_at(self.text.stored, offset, _PROBE_BYTES)
        start = data.find(b"\n") + 1 if offset else 0
        return self.clock.first(data[start:]) if start or not offset else None
