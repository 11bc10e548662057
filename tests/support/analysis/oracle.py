"""The expected result of an analysis, counted in all data at once; and sources to scan."""

import io
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

from runner.analysis.count.pattern_result import PartialResult, PatternResult
from runner.analysis.count.scanner import Scanner, ScanOptions
from runner.analysis.input import primitives
from runner.analysis.input.mapped import MappedFile, map_file
from runner.analysis.input.window import LINE_HEAD_BYTES
from runner.analysis.match.patterns import Pattern, prepare


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

    def __init__(self, data: bytes, sizes: Iterable[int] = (1 << 30,)) -> None:
        self._data, self._sizes = io.BytesIO(data), itertools.cycle(sizes)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._data.readinto(buffer[: next(self._sizes)])

    def mapped_file(self) -> None:
        return None

    def mark_consumed(self, data: memoryview, ascii: bool) -> None:
        raise AssertionError("nothing is mapped")


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


class Mapped(Dribble):
    """A source whose data is a mapped file in memory (memfd)."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.file = os.memfd_create("data")
        os.write(self.file, data)
        self.taken = bytearray()

    def mapped_file(self) -> MappedFile | None:  # type: ignore[override]
        return map_file(self.file, 0, os.fstat(self.file).st_size)

    def mark_consumed(self, data: memoryview, ascii: bool) -> None:
        assert not ascii or bytes(data).isascii()
        self.taken += data

    def close(self) -> None:
        os.close(self.file)
        super().close()


def scan_mapped(data: bytes, patterns: Sequence[Pattern], options: ScanOptions) -> PartialResult:
    """Scan the data in a mapped file if possible; all of it must be marked as consumed."""
    with closing(Mapped(data)) as source:
        scanner = Scanner(prepare(patterns), options, source)
        while scanner.scan():
            pass
        assert source.taken == (data if primitives.has_stringzilla() else b"")
        return scanner.partial


def found(result: PatternResult) -> Found:
    """A pattern's result as Found, for comparison."""
    first, last = result.first_line, result.last_line
    return Found(result.count, result.matching_lines, first, last, result.samples)
