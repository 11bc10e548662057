"""The expected result of an analysis, counted in all data at once; and sources to scan."""

import io
import itertools
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loganalysis.count.result import PartialResult, PatternResult
from loganalysis.count.scanner import Scanner, ScanOptions
from loganalysis.match.patterns import Pattern, prepare
from loganalysis.read.mapped import map_file
from loganalysis.read.window import LINE_HEAD_BYTES


@dataclass(frozen=True)
class Found:
    """The expected or found result of one pattern."""

    count: int
    matching_lines: int
    first_line: int | None
    last_line: int | None
    samples: list[bytes]


def expected(data: bytes, pattern: Pattern, samples: int = 0, longest: int = 1 << 20) -> Found:
    """Count like str.count, or with Python's regexes in lines that are cut at `longest` bytes."""
    starts = _regex(data, pattern, longest) if pattern.regex or pattern.word else None
    starts = _literal(data, pattern) if starts is None else starts
    numbers = sorted({data.count(b"\n", 0, start) + 1 for start in starts})
    lines = data.split(b"\n")
    shown = [lines[number - 1][:LINE_HEAD_BYTES] for number in numbers[:samples]]
    first, last = (numbers[0], numbers[-1]) if numbers else (None, None)
    return Found(len(starts), len(numbers), first, last, shown)


def _literal(data: bytes, pattern: Pattern) -> list[int]:
    text = pattern.text.encode()
    if pattern.ignore_case:
        data, text = data.lower(), text.lower()
    starts = [found.start() for found in re.finditer(re.escape(text), data)]
    assert len(starts) == data.count(text)
    return starts


def _regex(data: bytes, pattern: Pattern, longest: int) -> list[int]:
    text = pattern.text.encode() if pattern.regex else re.escape(pattern.text.encode())
    text = rb"\b(?:" + text + rb")\b" if pattern.word else text
    regex = re.compile(text, re.MULTILINE | (re.IGNORECASE if pattern.ignore_case else 0))
    starts, offset = [], 0
    for line in data.split(b"\n"):
        for at in range(0, len(line), longest):
            piece = regex.finditer(line[at : at + longest])
            starts += [offset + at + found.start() for found in piece]
        offset += len(line) + 1
    return starts


class Dribble(io.RawIOBase):
    """A source that yields pieces of the given sizes, repeated."""

    is_valid = False

    def __init__(self, data: bytes, sizes: Iterable[int] = (1 << 30,)) -> None:
        self._data, self._sizes = io.BytesIO(data), itertools.cycle(sizes)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._data.readinto(buffer[: next(self._sizes)])


def scan(
    data: bytes,
    patterns: Sequence[Pattern],
    options: ScanOptions,
    sizes: Iterable[int] = (1 << 30,),
) -> PartialResult:
    """Scan the data, which is read in pieces of these sizes."""
    scanner = Scanner(prepare(patterns), options, Dribble(data, sizes))
    while scanner.scan():
        pass
    return scanner.partial


def scan_mapped(data: bytes, patterns: Sequence[Pattern], options: ScanOptions) -> PartialResult:
    """Scan the data in a mapped file, or empty data as it is read."""
    with temporary_log(data) as path, path.open("rb") as file:
        scanner = Scanner(
            prepare(patterns), options, map_file(file.fileno(), 0, len(data)) or Dribble(b"")
        )
        while scanner.scan():
            pass
        return scanner.partial


@contextmanager
def temporary_log(data: bytes) -> Iterator[Path]:
    """A file with the data, for tests that make one for each example."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(data)
        yield path


def found(result: PatternResult) -> Found:
    """A pattern's result as Found, for comparison."""
    first, last = result.first_line, result.last_line
    return Found(result.count, result.matching_lines, first, last, result.samples)
