"""The output of a job, as lines and as log entries: what it printed, and what it logged. Does no
input or output."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobservice.documents import known_fields, read_time
from jobservice.json_values import JsonValue

LEVELS = ("debug", "info", "warning", "error", "critical")
"""From the lowest to the highest."""
STREAMS = ("stdout", "stderr", "log")


@dataclass(frozen=True)
class LogEntry:
    """A line that an attempt printed, or what it logged at once, which may be several lines.

    message: the text; of a log entry without time, level, logger, fields and traceback.
    time: when it was logged or, if it was printed, when the worker read it; None if not known.
    stream: "stdout", "stderr" or "log"; None for a gap in the output, and if it is not known.
    level: "debug", "info", "warning", "error" or "critical"; None if it was printed.
    logger: the name of the logger; "job" for `context.log`.
    fields: the values that were logged with it.
    traceback: the exception that was logged with it.
    position: the byte of the attempt's output at which it begins.
    """

    message: str
    time: datetime | None = None
    stream: str | None = None
    level: str | None = None
    logger: str | None = None
    fields: Mapping[str, JsonValue] | None = None
    traceback: str | None = None
    position: int = 0
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""

    @property
    def text(self) -> str:
        """The entry as in the text of the output, with its line end."""
        if self.level is None:
            return f"{self.message}\n"
        head = f"{self.raw.get('time') or self.time} {self.level.upper()} {self.logger}: "
        shown = json.dumps(self.fields, ensure_ascii=False, separators=(",", ":"))
        fields = f" {shown}" if self.fields else ""
        return f"{head}{self.message}{fields}\n" + (f"{self.traceback}\n" if self.traceback else "")

    def is_selected(self, level: str | None, stream: str | None) -> bool:
        """Whether it has at least this level, and this stream; None stands for all."""
        if stream is not None and self.stream != stream:
            return False
        if level is None or self.level is None:
            return level is None
        return LEVELS.index(self.level) >= LEVELS.index(level)


def read_entry(document: Mapping[str, JsonValue]) -> LogEntry:
    """Build an entry from its JSON document."""
    known = known_fields(LogEntry, document)
    known["time"] = read_time(document["time"]) if document.get("time") else None
    return LogEntry(**known, raw=document)


def entries_of_output(document: Mapping[str, JsonValue]) -> Iterator[LogEntry]:
    """The entries in the output of an attempt. An older service knows only their lines."""
    if "entries" in document:
        yield from map(read_entry, document["entries"])
        return
    lines = OutputLines()
    for piece in document["pieces"]:
        for line in lines.take(document["attempt"], piece["position"], piece["text"]):
            yield LogEntry(line.rstrip("\n"))
    for line in lines.finish():
        yield LogEntry(line.rstrip("\n"))


def entries_of_event(data: Mapping[str, JsonValue]) -> Iterator[LogEntry]:
    """The entries in an event `log`."""
    piece = {"position": data["position"], "text": data["text"]}
    document = {"attempt": data["attempt"], "pieces": [piece]}
    if "entries" in data:
        document["entries"] = data["entries"]
    yield from entries_of_output(document)


class OutputLines:
    """The lines of the output of one attempt after another, each with its line end.

    The service leaves out the middle of long output. A line such as `[994 bytes are not kept]`
    marks such a gap, as in the text of `GET /jobs/ID/logs`.
    """

    def __init__(self) -> None:
        self._attempt = 0
        self._end = 0
        self._rest = ""

    def take(self, attempt: int, position: int, text: str) -> Iterator[str]:
        """Take a piece that begins at this byte of an attempt's output; return complete lines."""
        if attempt != self._attempt:
            yield from self.finish()
            self._attempt, self._end = attempt, 0
        if position > self._end:
            yield from self._split(f"\n[{position - self._end} bytes are not kept]\n")
        # Bytes that are not UTF-8 are longer as text, so a gap after them looks shorter.
        self._end = position + len(text.encode())
        yield from self._split(text)

    def finish(self) -> Iterator[str]:
        """Return the last line if it has no line end."""
        if self._rest:
            yield self._rest
        self._rest = ""

    def _split(self, text: str) -> Iterator[str]:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            yield f"{line}\n"


def lines_of(text: str) -> Iterator[str]:
    """The lines of a text, each with its line end; only a line feed ends a line."""
    lines = OutputLines()
    yield from lines.take(1, 0, text)
    yield from lines.finish()
