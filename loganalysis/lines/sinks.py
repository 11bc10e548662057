"""Collects the lines of a page: as objects for JSON, or as text."""

import json
from dataclasses import dataclass

from loganalysis.index.line_clock import LineClock
from loganalysis.lines.matcher import Matcher, spans_in_characters
from loganalysis.read.json_values import Json, JsonValue
from loganalysis.times.histogram import rfc3339

MAX_TEXT_BYTES = 16 << 10
"""Bytes of a line that an object shows."""
PAGE_BYTES = 1 << 20
"""A page ends when its lines have this many bytes of text in all."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class MemberPlace:
    """A member whose lines come next, and the number of lines in the members before it."""

    name: str
    lines_before: int


class ObjectSink:
    """Lines with their number, time and matches; in an archive, also with their member."""

    takes_blocks = False
    has_numbers = True

    def __init__(self, matcher: Matcher, limit: int) -> None:
        self._matcher, self._limit = matcher, limit
        self._clock: LineClock | None = None
        self._place: MemberPlace | None = None
        self.lines: list[Json] = []
        self._hits = self._bytes = 0

    def begin(self, clock: LineClock, place: MemberPlace | None = None) -> None:
        """Take lines of a file from now on, or of a member of an archive."""
        self._clock, self._place = clock, place

    def is_full(self) -> bool:
        """Whether the page has enough lines, or enough text."""
        return self._hits >= self._limit or self._bytes >= PAGE_BYTES

    def add(self, number: int, line: bytes, is_context: bool) -> None:
        """Add a line, or each line of a record."""
        for at, each in enumerate(line.split(b"\n")):
            found = self._add_line(number + at, each, is_context)
            if at:
                found["continues"] = True
        self._hits += not is_context

    def _add_line(self, number: int, line: bytes, is_context: bool) -> Json:
        """Add a line, and return its object. Of a long line, only the start is shown."""
        if number == 1:
            line = line.removeprefix(_BOM)
        line = line.removesuffix(b"\r")
        shown = line if len(line) <= MAX_TEXT_BYTES else _start_of(line)
        assert self._clock, "begin comes first"
        moment = self._clock.own(line, 0)
        found_spans = [] if is_context else self._matcher.spans(line)
        spans = [span for span in found_spans if span[1] <= len(shown)]
        found: Json = {
            "line": number,
            "time": None if moment is None else rfc3339(moment),
            "text": shown.decode("utf-8", "replace"),
            "matches": spans_in_characters(shown, spans),
        }
        if self._place:
            found["line"] += self._place.lines_before
            found |= {"member": self._place.name, "member_line": number}
        if is_context:
            found["context"] = True
        if len(shown) < len(line):
            found["truncated"] = True
        self.lines.append(found)
        self._bytes += len(shown)
        return found

    def add_block(self, data: bytes) -> None:
        """Never called, see `takes_blocks`."""
        raise NotImplementedError


def _start_of(line: bytes) -> bytes:
    """The first MAX_TEXT_BYTES of a line, without a character that is cut."""
    return line[:MAX_TEXT_BYTES].decode("utf-8", "ignore").encode()


class TextSink:
    """Lines as bytes, as they are in the data."""

    has_numbers = False

    def __init__(self, limit: int | None, max_bytes: int) -> None:
        self._limit, self._max_bytes = limit, max_bytes
        self.takes_blocks = limit is None
        self.hits = 0
        self._pieces: list[bytes] = []
        self._bytes = 0

    def begin(self, clock: LineClock, place: MemberPlace | None = None) -> None:
        """Do nothing: text has no numbers and no names."""

    def is_full(self) -> bool:
        """Whether there are enough lines, or enough text."""
        enough = self._limit is not None and self.hits >= self._limit
        return enough or self._bytes >= self._max_bytes

    @property
    def text(self) -> bytes:
        """All lines so far."""
        return b"".join(self._pieces)

    def add(self, number: int, line: bytes, is_context: bool) -> None:
        """Add a line, with a newline."""
        self.hits += not is_context
        self.add_block(line + b"\n")

    def add_block(self, data: bytes) -> None:
        """Add whole lines."""
        self._pieces.append(data)
        self._bytes += len(data)


def to_json(lines: list[Json], **others: JsonValue) -> bytes:
    """Encode a page as JSON."""
    document = {"lines": lines, **others}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
