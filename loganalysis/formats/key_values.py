"""Formats whose lines name their fields: JSON, logfmt, and the export format of the journal."""

import json
import re
from collections.abc import Iterator, Sequence

from loganalysis.fields.program import EXPORT, JSON, LOGFMT, Walker, named_walker
from loganalysis.formats.levels import level_at_start, level_of
from loganalysis.formats.log_format import BOM, LogFormat, Parts
from loganalysis.formats.times import FieldTimes

TIMES = (
    "@timestamp",
    "time",
    "timestamp",
    "ts",
    "t",
    "datetime",
    "date",
    "@t",
    "__REALTIME_TIMESTAMP",
)
LEVELS = (
    "level",
    "severity",
    "lvl",
    "levelname",
    "log.level",
    "loglevel",
    "PRIORITY",
    "@l",
    "type",
)
MESSAGES = ("message", "msg", "MESSAGE", "@m", "@mt", "event", "log", "text", "error")
"""The usual names of these parts, the most usual first."""

MAX_OBJECTS = 8
"""How deep JSON objects are read. native/json.c knows it, too."""

_PAIR = re.compile(
    rb"[ \t]*(?P<key>[A-Za-z_@][A-Za-z0-9_.@/-]*)"
    rb'(?:=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^ \t"]*)))?'
    rb"(?=[ \t]|$)"
)
_EXPORTED = re.compile(rb"(?P<key>[A-Z_][A-Z0-9_]*)=(?P<value>.*)", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}


class NamedFields(LogFormat):
    """A format whose lines consist of named fields."""

    kind: int
    """The kind of its walker."""

    def __init__(self, name: str, title: str, times: FieldTimes) -> None:
        super().__init__(name, title)
        self._times = times

    def named(self, fields: Sequence[str]) -> None:
        """Set the names of the fields that lines are known to have."""
        self.fields = tuple(fields)

    def walker(self, names: Sequence[str]) -> Walker:
        """The walker with which C finds the fields with these names."""
        return named_walker(self.kind, names)

    def _parts(self, fields: dict[str, bytes], line: bytes) -> Parts:
        time = self._first_time(fields)
        level = next((found for name in LEVELS if (found := level_of(fields.get(name)))), None)
        message = next((fields[name] for name in MESSAGES if name in fields), None)
        if level is None and message:
            level = level_at_start(message)
        return Parts(time, level, line if message is None else message, fields)

    def _first_time(self, fields: dict[str, bytes]) -> float | None:
        texts = (fields[name] for name in TIMES if name in fields)
        found = (self._times.time_of(text) for text in texts)
        return next((time for time in found if time is not None), None)


class JsonLines(NamedFields):
    """One JSON object in each line.

    A field of an object in it has the way to it as its name, with dots between the keys. If several
    values of a line have one name, the last counts.
    """

    kind = JSON

    def split(self, line: bytes) -> Parts | None:
        """The parts of a line. Values are text, objects and lists JSON."""
        text = line.removeprefix(BOM).strip(b" \t\r")
        if not text.startswith(b"{"):
            return None
        try:
            fields = _fields_of(text)
        except (ValueError, IndexError, RecursionError):
            return None
        return self._parts(fields, line)


class DockerJson(JsonLines):
    """The log of a Docker container: JSON with log, stream and time."""

    def recognizes(self, line: bytes) -> bool:
        """Whether the line has exactly the fields that Docker writes."""
        parts = self.split(line)
        return parts is not None and {"log", "stream", "time"} <= parts.fields.keys()

    def _parts(self, fields: dict[str, bytes], line: bytes) -> Parts:
        message = fields.get("log", line).rstrip(b"\r\n")
        return Parts(self._first_time(fields), level_at_start(message), message, fields)


class JournalJson(JsonLines):
    """The journal as `journalctl -o json` writes it."""

    def recognizes(self, line: bytes) -> bool:
        """Whether the line has the time that every entry of the journal has."""
        parts = self.split(line)
        return parts is not None and "__REALTIME_TIMESTAMP" in parts.fields


class Logfmt(NamedFields):
    """Pairs of a key and a value: `level=info msg="it works"`. A key alone has the value true."""

    kind = LOGFMT

    def split(self, line: bytes) -> Parts | None:
        """The parts of a line, which must begin with a pair and consist of pairs."""
        fields: dict[str, bytes] = {}
        line, at, pairs = line.removeprefix(BOM).rstrip(b" \t\r"), 0, 0
        while at < len(line):
            pair = _PAIR.match(line, at)
            if not pair:
                return None
            value, at = _value_of(pair), pair.end()
            pairs += value is not None
            fields[pair["key"].decode()] = b"true" if value is None else value
            if not pairs:
                return None
        return self._parts(fields, line) if pairs else None

    def recognizes(self, line: bytes) -> bool:
        """Whether the line has two pairs or more, and mostly pairs."""
        parts = self.split(line)
        if parts is None or len(parts.fields) < 2:
            return False
        return list(parts.fields.values()).count(b"true") * 2 < len(parts.fields)


class JournalExport(NamedFields):
    """The journal as `journalctl -o export` writes it: one field in each line."""

    kind = EXPORT

    def split(self, line: bytes) -> Parts | None:
        """The parts of a line: its field. Only some lines have a time, a level or a message."""
        found = _EXPORTED.fullmatch(line.removesuffix(b"\r"))
        if not found:
            return None
        parts = self._parts({found["key"].decode(): found["value"]}, line)
        at = found.start("value") if "MESSAGE" in parts.fields else 0
        return Parts(parts.time, parts.level, parts.message, parts.fields, at)


def _fields_of(line: bytes) -> dict[str, bytes]:
    """The fields of a JSON object. Raises ValueError, IndexError and RecursionError."""
    errors = "replace"  # lone surrogates become "?"
    try:
        text = line.decode()
    except UnicodeDecodeError:
        errors = "surrogateescape"
        text = line.decode(errors=errors)
    fields: dict[str, bytes] = {}
    for name, value in _members(text, 0, "", 1):
        fields[name] = value.encode(errors=errors)
    return fields


def _members(text: str, at: int, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the object at `at` in the text, then of objects in it.

    Nothing may follow the outermost object.
    """
    at = _after_space(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _after_space(text, at)
        if not isinstance(name, str) or text[at] != ":":
            raise ValueError("this is no field")
        start = _after_space(text, at + 1)
        value, end = _DECODER.raw_decode(text, start)
        yield path + name, value if isinstance(value, str) else text[start:end]
        if isinstance(value, dict) and depth < MAX_OBJECTS:
            yield from _members(text, start, f"{path}{name}.", depth + 1)
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
            if text[at] != '"':
                raise ValueError("a name is missing")
        elif text[at] != "}":
            raise ValueError("a comma is missing")
    if depth == 1 and at != len(text) - 1:
        raise ValueError("something follows the object")


def _after_space(text: str, at: int) -> int:
    while text[at] in " \t":
        at += 1
    return at


def _value_of(pair: re.Match[bytes]) -> bytes | None:
    if (quoted := pair["quoted"]) is not None:
        return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), quoted)
    return pair["bare"]
