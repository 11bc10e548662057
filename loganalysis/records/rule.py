"""Where a record begins: the definition. native/records.c is a faster form of it.

A record is a line and all lines after it up to the next line that begins a record. A file has one
of three rules:

    TIMES     a line begins a record if it is not indented, and has a time (times/time_formats.py)
    INDENTS   no line near the start of the file is such a line: then a line begins a record unless
              it is empty or indented, or is a typical continuation, such as "Caused by: …"
    a regex   a line begins a record if the regex matches at its start

Lines of PostgreSQL such as "DETAIL:  …" have times, and continue a record nevertheless. The first
line of a file begins a record in any case, and so does a line that begins LONGEST_RECORD bytes or
more behind the start of its record.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from loganalysis.match.patterns import MAX_MEMORY
from loganalysis.match.re2_regex import AT_START, CompiledRegex
from loganalysis.times.line_times import LineTimes

LONGEST_RECORD = 256 << 10
"""A line that begins so many bytes behind the start of its record begins the next one."""
SAMPLE_BYTES = 64 << 10
"""At the start of a file, which decide between TIMES and INDENTS."""
HEAD_BYTES = 1024
"""At the start of a line, which decide whether it begins a record."""

RECORD_HEAD_BYTES = 4000
"""The number of bytes at the start of a record that samples and times are taken from."""

TIMES, INDENTS, REGEX = range(3)
"""The kinds of rules, as records.c numbers them. It is given the places for the last one."""

_BLANK = b" \t\r\f"
_PREFIX_BYTES, _NAME_BYTES = 256, 256
_DETAILS = (b"DETAIL", b"HINT", b"CONTEXT", b"STATEMENT", b"QUERY", b"LOCATION")
_POSTGRESQL = re.compile(rb"(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|STATEMENT|DETAIL|HINT):  ")
_CONTINUATIONS = (
    *(b"Caused by:", b"Suppressed:", b"Traceback (most recent call last)"),
    b"During handling of the above exception",
    b"The above exception was the direct cause",
    *(b"... ", b"}", b"]", b")"),
)
_NAME = re.compile(rb"[A-Za-z0-9._$]{0,%d}" % _NAME_BYTES)
_EXCEPTIONS = (
    *(b"Error", b"Exception", b"Warning", b"Interrupt", b"Exit", b"Iteration", b"Throwable"),
)


@dataclass(frozen=True)
class Records:
    """The records that a client asks for. `start` is a regex, or empty for the usual rules."""

    start: str = ""


@dataclass(frozen=True)
class RecordRule:
    """Where records of a file begin. `modified` is the time of the file, see LineTimes."""

    kind: int
    modified: float
    is_postgresql: bool = False
    start: str = ""

    def matcher(self) -> Callable[[bytes], bool]:
        """A function that returns whether a line, without its newline, begins a record."""
        if self.kind == REGEX:
            match = start_regex(self.start).match
            return lambda line: match(AT_START, line, 0, min(len(line), HEAD_BYTES))[0][0] == 0
        if self.kind == INDENTS:
            return lambda line: not _is_indented(line) and not _is_typical(_head(line))
        second_of = LineTimes(self.modified).second_of
        return lambda line: (
            not _is_indented(line)
            and second_of(_head(line)) is not None
            and not (self.is_postgresql and _is_detail(line))
        )


def start_regex(start: str) -> CompiledRegex:
    """The regex for lines that begin a record. Raises RegexError."""
    return CompiledRegex(f"(?m)^(?:{start})", MAX_MEMORY)


def rule_of(records: Records, head: bytes, modified: float) -> RecordRule:
    """The rule for data that begins with `head`. Only SAMPLE_BYTES of it count."""
    if records.start:
        return RecordRule(REGEX, modified, start=records.start)
    lines = head[:SAMPLE_BYTES].split(b"\n")
    if len(head) >= SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut
    second_of = LineTimes(modified).second_of
    dated = [
        line for line in lines if not _is_indented(line) and second_of(_head(line)) is not None
    ]
    if not dated:
        return RecordRule(INDENTS, modified)
    is_postgresql = any(_POSTGRESQL.search(line, 0, _PREFIX_BYTES) for line in dated)
    return RecordRule(TIMES, modified, is_postgresql)


def _head(line: bytes) -> bytes:
    """The part of a line that decides, in which a form feed is a space."""
    return line[:HEAD_BYTES].replace(b"\f", b" ")


def _is_indented(line: bytes) -> bool:
    """Whether a line is empty, or begins with a blank."""
    return not line or line[0] in _BLANK


def _is_detail(line: bytes) -> bool:
    """Whether a line of PostgreSQL adds to the one before."""
    before, found, _ = line[:_PREFIX_BYTES].partition(b":  ")
    return bool(found) and before.endswith(_DETAILS)


def _is_typical(line: bytes) -> bool:
    """Whether a line that is not indented nevertheless continues a record."""
    if line.startswith(_CONTINUATIONS):
        return True
    match = _NAME.match(line)
    name = match[0] if match else b""
    after = line[len(name) : len(name) + 1]
    return after in (b"", b":", b"\r") and any(
        name.endswith(each) and len(name) > len(each) for each in _EXCEPTIONS
    )
