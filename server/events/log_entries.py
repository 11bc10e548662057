"""The log entries in the output of an attempt: lines that it printed, and calls of `logging`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from server.documents.job_documents import rfc3339
from server.documents.schemas.file_schemas import LogEntryDocument, LogLevel, LogStream
from storage.records.json_values import Json, JsonValue
from storage.records.output import Mark, Piece, Stream

LEVELS: tuple[tuple[int, LogLevel], ...] = (
    (50, "critical"),
    (40, "error"),
    (30, "warning"),
    (20, "info"),
    (0, "debug"),
)
"""The names of levels, each from this number on."""
_MAX_LEVELS = 100
"""How deep fields may be nested, as results of jobs."""
_NUMBERS = {name: number for number, name in LEVELS}
_STREAMS: dict[int, LogStream] = {
    Stream.LOG: "log",
    Stream.STDOUT: "stdout",
    Stream.STDERR: "stderr",
}


@dataclass(frozen=True)
class LogEntry:
    """A line that was printed, or a call of `logging`, which may have several lines."""

    position: int
    """Of its first byte in the output of the attempt."""
    text: bytes
    """As in the output."""
    mark: Mark | None = None
    """None for text of which only the bytes are known."""

    @property
    def level(self) -> LogLevel | None:
        """The name of its level, if it was logged."""
        if self.mark is None or self.mark.is_run:
            return None
        number = self.mark.level
        return next(name for lowest, name in LEVELS if number >= lowest)

    @property
    def stream(self) -> LogStream | None:
        """Where it comes from."""
        return _stream(self.mark)


@dataclass(frozen=True)
class EntryFilter:
    """Selects entries by their lowest level and by their stream; None selects all."""

    level: LogLevel | None = None
    stream: LogStream | None = None

    def __bool__(self) -> bool:
        return self != ALL

    def matches(self, entry: LogEntry) -> bool:
        """Return whether an entry passes. One without a level is below all levels."""
        if self.stream is not None and entry.stream != self.stream:
            return False
        if self.level is None:
            return True
        return entry.level is not None and _NUMBERS[entry.level] >= _NUMBERS[self.level]


ALL = EntryFilter()


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Join pieces that follow each other without a gap. They are ordered by their positions."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if found and found[-1][-1].end == piece.position:
            found[-1].append(piece)
        else:
            found.append([piece])
    return [_joined(group) for group in found]


def _joined(pieces: Sequence[Piece]) -> Piece:
    text = b"".join(piece.text for piece in pieces)
    return Piece(pieces[0].position, text, tuple(mark for each in pieces for mark in each.marks))


def entries(pieces: Iterable[Piece], selected: EntryFilter = ALL) -> Iterator[LogEntry]:
    """Yield the selected entries of output whose adjacent pieces are merged.

    An entry without a stream stands for each gap, and for text whose mark is lost.
    """
    end = 0
    for piece in pieces:
        if piece.position > end:
            gap = LogEntry(end, b"[%d bytes are not kept]\n" % (piece.position - end))
            if selected.matches(gap):
                yield gap
        yield from filter(selected.matches, entries_of_piece(piece))
        end = piece.end


def entries_of_piece(piece: Piece) -> Iterator[LogEntry]:
    """Yield the entries of one piece, from mark to mark."""
    line = LogEntry(piece.position, b"")  # may go on behind a mark of the same stream
    starts = [piece.position, *(mark.position for mark in piece.marks)]
    spans = zip((None, *piece.marks), starts, [*starts[1:], piece.end], strict=True)
    for mark, start, end in spans:
        text = piece.text[start - piece.position : end - piece.position]
        if mark is None or mark.is_run:
            if line.text and line.stream == _stream(mark):
                line = LogEntry(line.position, line.text + text, line.mark)
            else:
                yield from [line] if line.text else []
                line = LogEntry(start, text, mark)
            *lines, line = _lines(line)
            yield from lines
        else:
            yield from [line] if line.text else []
            yield LogEntry(start, text, mark)
            line = LogEntry(end, b"")
    if line.text:
        yield line


def _stream(mark: Mark | None) -> LogStream | None:
    return None if mark is None else _STREAMS[mark.stream]


def _lines(run: LogEntry) -> list[LogEntry]:
    """Split a run into lines; the last one has no line end, and may be empty."""
    found, position = [], run.position
    for text in run.text.split(b"\n"):
        found.append(LogEntry(position, text + b"\n", run.mark))
        position += len(text) + 1
    last = found[-1]
    return [*found[:-1], LogEntry(last.position, last.text[:-1], run.mark)]


def entry_document(entry: LogEntry) -> LogEntryDocument:
    """Build the document of an entry."""
    mark = entry.mark
    document: LogEntryDocument = {
        "time": None if mark is None else rfc3339(mark.time),
        "stream": entry.stream,
        "level": entry.level,
        "logger": None,
        "message": "",
        "fields": None,
        "traceback": None,
        "position": entry.position,
    }
    if mark is None or mark.is_run:
        return {**document, "message": _decoded(entry.text.removesuffix(b"\n"))}
    head, rest = entry.text[: mark.head], entry.text[mark.head :]
    fields = rest[mark.message : mark.message + mark.fields]
    traceback = rest[mark.message + mark.fields :].removeprefix(b"\n").removesuffix(b"\n")
    return {
        **document,
        "logger": _decoded(head[max(0, len(head) - 2 - mark.logger) : -2]),
        "message": _decoded(rest[: mark.message]),
        "fields": _fields(fields),
        "traceback": _decoded(traceback) if traceback else None,
    }


def _fields(text: bytes) -> Json | None:
    """Return the fields in JSON text; None without any.

    Returns None also for text that a job has made up, and that clients could not read as JSON.
    """
    try:
        value = json.loads(text) if text else None
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _levels(value) <= _MAX_LEVELS else None


def _levels(value: JsonValue) -> int:
    """Return how deep a value is nested."""
    levels, inner = 0, [value]
    while containers := [each for each in inner if isinstance(each, dict | list)]:
        levels += 1
        values = (each.values() if isinstance(each, dict) else each for each in containers)
        inner = [value for each in values for value in each]
    return levels


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")
