"""Records by their definition, in all data at once; and texts with many kinds of lines."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from loganalysis.match.patterns import Pattern
from loganalysis.records.rule import LONGEST_RECORD

LINES = (
    *("2026-11-25 01:02:03 ERROR a", "2026-11-25 01:02:04,123 INFO b", "2026-11-25T01:02:05Z ab"),
    *("2026-02-30 01:02:03 no such day", "2026-11-25 01:02:03+99:00 no such zone"),
    *("Nov 25 01:02:03 host a", "Nov 31 01:02:03 host b", "2026-11-25 01:02:05.5 +0100 a"),
    '10.0.0.1 - - [25/Nov/2026:01:02:06 +0000] "GET /a"',
    '{"time": "2026-11-25T01:02:07Z", "a": 1}',
    *("INFO 2026-11-25 01:02:08 b", "[2026-11-25 01:02:09] a", "1764032523 b", "17640325 no time"),
    *("", " ", "\tat com.example.A.b(A.java:1)", "  File a", "\r", "\f2026-11-25 01:02:03 a"),
    *("Caused by: java.io.IOException: a", "... 12 more", "Traceback (most recent call last):"),
    *("ValueError: a", "Error: b", "java.lang.Throwable", "a.b.CException: ERROR", "}", "b a"),
    "2026-11-25 01:02:10 UTC [7] LOG:  a",
    "2026-11-25 01:02:11 UTC [7] DETAIL:  b",
    "2026-11-25 01:02:11 UTC [7] STATEMENT:  ab",
    "2026-11-25 01:02:12 UTC [7] ERROR:  no DETAIL:  a",
    "2026-11-25 01:02:13 \f a",
)


def texts(max_lines: int = 12) -> st.SearchStrategy[bytes]:
    """Texts of several lines of all kinds, with LF or CR LF, and with or without a last newline."""
    lines = st.lists(st.sampled_from(LINES), max_size=max_lines)
    ends = st.sampled_from(["\n", "\r\n"])
    return st.builds(
        lambda lines, end, last: (end.join(lines) + (end if last else "")).encode(),
        *(lines, ends, st.booleans()),
    )


@dataclass(frozen=True)
class Record:
    """A record: the number of its first line, and its lines with their newlines."""

    line: int
    lines: list[bytes]


def records_of(
    data: bytes, begins: Callable[[bytes], bool], longest: int = LONGEST_RECORD
) -> list[Record]:
    """The records of data. `begins` is true for a record's first line, without newline."""
    found: list[Record] = []
    size = 0
    for number, line in enumerate(_lines(data)):
        if not found or size >= longest or begins(line.removesuffix(b"\n")):
            found.append(Record(number + 1, []))
            size = 0
        found[-1].lines.append(line)
        size += len(line)
    return found


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def joined(records: Sequence[Record]) -> bytes:
    """The data in which each record is one line."""
    found = b""
    for record in records:
        text = b"".join(record.lines).replace(b"\f", b" ")
        is_whole = text.endswith(b"\n")
        found += text.removesuffix(b"\n").replace(b"\n", b"\f") + b"\n" * is_whole
    return found


def matches(record: Record, pattern: Pattern) -> bool:
    """Whether a record matches. A text or regex must be in one of its lines."""
    if pattern.members:
        return (
            all(matches(record, each) for each in pattern.all)
            and (not pattern.any or any(matches(record, each) for each in pattern.any))
            and not any(matches(record, each) for each in pattern.none)
        )
    text = pattern.text.encode()
    text = text.replace(b"$", rb"\r?$") if pattern.regex else re.escape(text)
    regex = re.compile(text, re.IGNORECASE if pattern.ignore_case else 0)
    lines = [line.removesuffix(b"\n").replace(b"\f", b" ") for line in record.lines]
    return any(regex.search(line) for line in lines)
