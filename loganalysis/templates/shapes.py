"""The shape of a log line: its text with all variable parts masked.

    2026-11-25 01:02:03 INFO took 17 ms for /a/b   ──▶   TIME INFO took VARIABLE ms for PATH

This module is the definition; native/shapes.c computes a hash of the same shape. A line has few
parts:

- A run of letters, digits and `_.@+%$~-`. It is variable if it contains a digit, or is hexadecimal
  and has 8 characters or more. A colon within an address, such as `10.0.0.1:80`, belongs to it.
- A path: from a slash that follows no run, to a space, a quote, a bracket, a comma or `;<>|`.
- Spaces, control characters and colors of a terminal, which become one space. Any other byte stands
  for itself. The shape ends at a form feed: behind it are further lines of a record, see
  records/rule.py.
- The time, as `locate_time` finds it. In an access log, all text before the time is masked with it.
- The level of klog, and a number in JSON that is a level (`"level":50`), are kept.
- An HTTP status is masked up to its class. In an access log, the text after it is masked.

At a higher level, a shape ends after fewer parts, and at the last level all lines have one shape.
So the number of shapes can be limited: the levels are nested, and the shape of a line at one level
follows from its shape at any lower level.
"""

import re

from loganalysis.count.joined_lines import LINE_END
from loganalysis.times.time_formats import CLF, KLOG, locate_time

HEAD_BYTES = 512
"""Bytes of a line that its shape depends on."""
TIME_BYTES = 1024
"""Bytes of a line that are searched for its time."""

VARIABLE, TIME, PATH, CLASS, REST = b"\0", b"\1", b"\2", b"\3", b"\4"
"""Marks in a shape. The first digit of the status follows CLASS. REST stands for the masked end."""

MAX_PARTS = (1024, 32, 16, 8, 4, 2, 0)
"""The number of runs, paths and times in a shape, for each level."""

_HEX = rb"0-9A-Fa-f"
_RUN = rb"A-Za-z0-9_\x80-\xff.@+%$~\-"
_PART = re.compile(
    rb"(?P<run>(?>[" + _HEX + rb".\-](?:[" + _HEX + rb".\-]|:(?=[" + _HEX + rb":]))*)"
    rb"[" + _RUN + rb"]*|[" + _RUN + rb"]+)(?P<slash>[/\\]?)"
    rb"|(?P<path>[/\\][^\x00-\x20\x7f\"',;()<>\[\]{}|]*)"
    rb"|(?P<space>(?:\x1b\[[\d;]*[mK]|[\x00-\x20\x7f])+)"
    rb"|(?P<other>.)",
    re.DOTALL,
)
_DIGIT = re.compile(rb"[0-9]")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f.:\-]{8,}")
_STATUS = re.compile(rb"[1-5][0-9][0-9]")
_PROTOCOL = re.compile(rb'HTTP/(?:[0-9]|[0-9]\.[0-9])" ')
_STATUS_KEY = re.compile(rb"(?:status|Status|status_code)[\"':= ]{1,4}")
_KEY_BYTES = 15
_PRIORITY = re.compile(rb"<([0-9]{1,3})>")
_LEVEL_NUMBERS = (
    (re.compile(rb"[1-6]0"), (b'"level":', b'"level": ')),  # pino, bunyan
    (re.compile(rb"[0-7]"), (b'"PRIORITY":"', b'"PRIORITY": "')),  # the journal
)
_KLOG_DATE = len("1125 ")
_CLOCK = re.compile(rb"[0-9]{2}:")
_KLOG = re.compile(rb"([DIWEF])[0-9]{4} ")


def shape_of(line: bytes, level: int = 0) -> bytes:
    """The shape of a line at a level, which is an index of MAX_PARTS.

    `line` has no newline. Only its first 1,024 bytes are used.
    """
    if not MAX_PARTS[level]:
        return REST
    line = line[:TIME_BYTES].removesuffix(b"\r")
    time, offset = locate_time(line)
    masker = _Masker(line[:HEAD_BYTES], MAX_PARTS[level], time is not None and time.re is CLF)
    at = 0
    if time is not None and offset + time.end() <= HEAD_BYTES:
        if time.re is not CLF:
            start = time.start("at") + _KLOG_DATE if time.re is KLOG else time.start()
            masker.mask(0, offset + start, at_start=True)
        masker.add_part(TIME)
        at = offset + time.end()
    masker.mask(at, min(len(line), HEAD_BYTES), at_start=not at)
    return bytes(masker.shape)


class _Masker:
    """Builds a shape from left to right."""

    def __init__(self, line: bytes, max_parts: int, is_access: bool) -> None:
        self.shape = bytearray()
        self._line, self._left, self._is_access = line, max_parts, is_access
        self._ended = False

    def add_part(self, text: bytes, rest: bool = False) -> None:
        """Add a run, a path or a time, unless the shape has its maximum number already."""
        if self._ended:
            return
        self.shape += text if self._left else REST
        if rest and self._left:
            self.shape += REST
        self._ended = rest or not self._left
        self._left -= 1

    def mask(self, start: int, end: int, at_start: bool = False) -> None:
        """Add the shape of a part of the line."""
        line, at = self._line, start
        if at_start and not at and (priority := _PRIORITY.match(line, 0, end)):
            self.add_part(b"<%d>" % (int(priority[1]) & 7))
            at = priority.end()
        elif at_start and not at and (klog := _KLOG.match(line, 0, end)):
            self.add_part(klog[1] + VARIABLE)
            at = 5
        while at < end and not self._ended:
            part = _PART.match(line, at, end)
            assert part is not None
            at = part.end()
            if part["run"]:
                self._add_run(part["run"], part.start(), end)
                if part["slash"] and not self._ended:
                    self.shape += part["slash"]
            elif part["path"]:
                self.add_part(PATH)
            else:
                self.shape += b" " if part["space"] else part["other"]
                self._ended = LINE_END in part[0]

    def _add_run(self, run: bytes, at: int, end: int) -> None:
        line = self._line
        if not _DIGIT.search(run):
            self.add_part(VARIABLE if _HEXADECIMAL.fullmatch(run) else run)
        elif _KLOG.match(line, at) and _CLOCK.match(line, at + 6) and len(run) == 5:
            self.add_part(run[:1] + VARIABLE)
        elif self._is_level(run, at):
            self.add_part(run)
        elif not _STATUS.fullmatch(run):
            self.add_part(VARIABLE)
        elif self._follows_request(at) and line[at + 3 : at + 4] in (b" ", b""):
            self.add_part(CLASS + run[:1], rest=True)
        elif self._follows_key(at):
            self.add_part(CLASS + run[:1])
        else:
            self.add_part(VARIABLE)

    def _is_level(self, run: bytes, at: int) -> bool:
        """Whether a run is the number of a level, behind its key in JSON."""
        before = self._line[max(at - _KEY_BYTES, 0) : at]
        return any(
            number.fullmatch(run) and before.endswith(keys) for number, keys in _LEVEL_NUMBERS
        )

    def _follows_request(self, at: int) -> bool:
        """Whether a request in quotes and a space come before a position."""
        before = self._line[max(at - 10, 0) : at]
        if not before.endswith(b'" '):
            return False
        return self._is_access or any(
            _PROTOCOL.fullmatch(before[-size:]) for size in (8, 10) if len(before) >= size
        )

    def _follows_key(self, at: int) -> bool:
        before = self._line[max(at - _KEY_BYTES, 0) : at]
        return any(_STATUS_KEY.fullmatch(before, start) for start in range(max(len(before) - 6, 0)))
