"""Finds the format of a file from some of its lines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from loganalysis.formats import header
from loganalysis.formats.key_values import (
    DockerJson,
    JournalExport,
    JournalJson,
    JsonLines,
    Logfmt,
    NamedFields,
)
from loganalysis.formats.layouts import layout_formats
from loganalysis.formats.log_format import LogFormat, Parts
from loganalysis.formats.times import FieldTimes
from loganalysis.formats.windows_csv import WindowsCsv, columns_of
from loganalysis.times.wrappers import peeled

_MIN_SHARE = 0.02
"""Of the lines that are not blank: a format with less is none. Most lines of a log may be those of
tracebacks, which have no format."""
_BEATS = 2.0  # a header is preferred if it fits this many times as many lines
_MAX_FIELDS = 100


class UnknownFormat(LogFormat):
    """Lines without a format: each is a message."""

    def __init__(self) -> None:
        super().__init__("unknown", "No known format")

    def split(self, line: bytes) -> Parts | None:
        """The line as a message."""
        return Parts(None, None, line.removesuffix(b"\r"), {}, 0)


class MixedFormat(LogFormat):
    """The format of most lines, with others that a smaller share of the lines has."""

    def __init__(self, formats: Sequence[LogFormat]) -> None:
        """The formats, the most frequent first."""
        first = formats[0]
        super().__init__(first.name, first.title, first.fields)
        self.share, self.formats = first.share, tuple(formats)

    def split(self, line: bytes) -> Parts | None:
        """The parts of a line by the first format that it has."""
        return next((parts for each in self.formats if (parts := each.split(line))), None)


class WrappedFormat(LogFormat):
    """The format of lines that another tool has wrapped, see times/wrappers.py."""

    def __init__(self, inner: LogFormat, times: FieldTimes) -> None:
        """`inner` is the format of the lines without their wrappers."""
        super().__init__(inner.name, inner.title, inner.fields)
        self.share, self._inner, self._times = inner.share, inner, times

    def split(self, line: bytes) -> Parts | None:
        """The parts of a line, whose wrapper may have the time."""
        written, rest = peeled(line)
        parts = self._inner.split(rest)
        if parts is None:
            return None
        time = parts.time if written is None else self._times.time_of(written)
        return replace(parts, time=time, message_at=None)


def detect(lines: Sequence[bytes], modified: float | None = None) -> LogFormat:
    """The format of the lines of a file, see `_detect`. Other tools may have wrapped them."""
    direct = _detect(lines, modified)
    if direct.name not in ("unknown", "header"):
        return direct
    inner = [peeled(line)[1] for line in lines]
    if sum(rest != line for rest, line in zip(inner, lines, strict=True)) * 2 > len(lines):
        found = _detect(inner, modified)
        if not isinstance(found, UnknownFormat):
            return WrappedFormat(found, FieldTimes(modified))
    return direct


def _detect(lines: Sequence[bytes], modified: float | None) -> LogFormat:
    """The format of the lines of a file: some from its start, its middle and its end.

    Noise and lines of other formats may lie between them. `share` is the share of lines, without
    blank ones, that have the format. `modified` is the time of the file in epoch seconds; without
    it, times without a year cannot be read. A few hundred lines take some milliseconds.
    """
    lines = [stripped for line in lines if (stripped := line.strip(b"\r\n")).strip()]
    times = FieldTimes(modified)
    known = _by_share(_formats(lines, times), lines)
    general = header.learn(_unrecognized(lines, known[:1]), times)
    if general:
        general.share = _share(sum(general.split(line) is not None for line in lines), lines)
        if not known or general.share > _BEATS * known[0].share:
            known.insert(0, general)
        elif general.share > known[0].share / 4:
            known.append(general)
    if not known:
        return UnknownFormat()
    return known[0] if len(known) == 1 else MixedFormat(known)


def _formats(lines: Sequence[bytes], times: FieldTimes) -> list[LogFormat]:
    named: list[NamedFields] = [
        DockerJson("docker_json", "Docker container log (JSON)", times),
        JournalJson("journal_json", "Journal (JSON)", times),
        JsonLines("json_lines", "JSON lines", times),
        Logfmt("logfmt", "logfmt", times),
        JournalExport("journal_export", "Journal export", times),
    ]
    heading = next((line for line in lines if columns_of(line)), None)
    return [*layout_formats(times), *named, WindowsCsv(times, heading)]


def _by_share(formats: Sequence[LogFormat], lines: Sequence[bytes]) -> list[LogFormat]:
    """The formats that enough lines have, by the share of the lines that no better format has."""
    found: list[LogFormat] = []
    while lines:
        fitting = [(each, [line for line in lines if each.recognizes(line)]) for each in formats]
        best, fits = max(fitting, key=lambda each: len(each[1]))
        best.share = _share(len(fits), lines) if not found else 0.0
        if len(fits) < max(1, _MIN_SHARE * len(lines)):
            break
        if isinstance(best, NamedFields):
            best.named(_names(best, fits))
        found.append(best)
        formats = [each for each in formats if each is not best]
        taken = set(fits)
        lines = [line for line in lines if line not in taken]
    return found


def _names(form: LogFormat, lines: Sequence[bytes]) -> list[str]:
    """The most frequent fields of some lines, without objects that contain other fields."""
    counted: Counter[str] = Counter()
    for line in lines:
        if parts := form.split(line):
            counted.update(dict.fromkeys(parts.fields, 1))
    objects = {name[:at] for name in counted for at in _dots(name)}
    found = [name for name, _ in counted.most_common() if name not in objects]
    return found[:_MAX_FIELDS]


def _dots(name: str) -> list[int]:
    return [at for at, char in enumerate(name) if char == "."]


def _unrecognized(lines: Sequence[bytes], known: Sequence[LogFormat]) -> list[bytes]:
    return [line for line in lines if not any(each.recognizes(line) for each in known)]


def _share(count: int, lines: Sequence[bytes]) -> float:
    return count / len(lines) if lines else 0.0
