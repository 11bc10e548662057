"""Cuts a plain file into ranges of whole lines, scanned by helper processes, folded in order."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from runner.analysis.errors import HelperError
from runner.analysis.helpers import Progress, run_parts
from runner.analysis.histogram import TimeSpan
from runner.analysis.patterns import Literal, Regex
from runner.analysis.scanner import Options, Scanner
from runner.analysis.seen import Seen, Watched
from runner.analysis.tally import Partial
from runner.analysis.utf8 import Utf8Check

RANGE_BYTES = 64 << 20
LEAST_BYTES = 128 << 20
"""A smaller file is not worth the helpers."""

_REPORT_SECONDS = 0.1
_BLOCK = 64 << 10

Told = Callable[[int, list[int]], None]
"""Takes bytes done and counts, in the order of the patterns."""


def may_be_cut(patterns: Sequence[Literal | Regex], size: int, least: int) -> bool:
    """Whether ranges give the same result: no match may begin in one and end in the next."""
    spans = any(isinstance(each, Literal) and each.spans_lines for each in patterns)
    return size >= least and not spans


def scan_ranges(
    path: Path,
    patterns: Sequence[Literal | Regex],
    options: Options,
    helpers: int,
    told: Told,
    range_bytes: int,
) -> tuple[Partial, Seen]:
    """Scan a plain file with helper processes. Raises HelperError, also if the file is cut."""
    ranges = plan(path, range_bytes)
    news: dict[int, tuple[int, list[int]]] = {}

    def work(part: int, progress: Progress) -> tuple[Partial, Seen]:
        return _scan_range(path, ranges[part], patterns, options, progress)

    def heard(part: int, content: tuple[int, list[int]]) -> None:
        news[part] = content
        done, counts = zip(*news.values(), strict=True)
        told(sum(done), [sum(each) for each in zip(*counts, strict=True)])

    samples = options.lines.samples if options.lines else 0
    whole, seen = Partial.of(len(patterns)), Seen()
    for partial, part_seen in run_parts(work, len(ranges), helpers, heard):
        seen.fold(part_seen, whole.bytes)
        whole.fold(partial, samples)
    return whole, seen


def plan(path: Path, range_bytes: int) -> list[tuple[int, int]]:
    """Ranges (start, end) of about that many bytes, each of which ends after a newline."""
    ranges = []
    with path.open("rb", buffering=0) as file:
        size, start = os.fstat(file.fileno()).st_size, 0
        while start < size:
            end = _after_newline(file.fileno(), start + range_bytes - 1, size)
            ranges.append((start, end))
            start = end
    return ranges


def _after_newline(file: int, at: int, size: int) -> int:
    while at < size:
        block = os.pread(file, _BLOCK, at)
        newline = block.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        if not block:
            break
        at += len(block)
    return size


def _scan_range(
    path: Path,
    part: tuple[int, int],
    patterns: Sequence[Literal | Regex],
    options: Options,
    progress: Progress,
) -> tuple[Partial, Seen]:
    scanner, report_at = Scanner(patterns, options), 0.0
    check, span = Utf8Check(), TimeSpan()
    with path.open("rb", buffering=0) as file:
        source = Watched(_RangeSource(file.fileno(), *part, check), span)
        while scanner.scan(source):
            now = time.monotonic()
            if now >= report_at:
                progress((scanner.bytes, scanner.counts))
                report_at = now + _REPORT_SECONDS
    if scanner.bytes != part[1] - part[0]:
        raise HelperError("the file was cut while it was read")
    progress((scanner.bytes, scanner.counts))
    check.finish()
    return scanner.partial, Seen(span, check.trouble)


class _RangeSource:
    def __init__(self, file: int, start: int, end: int, check: Utf8Check) -> None:
        self._file, self._at, self._end = file, start, end
        self._check = check

    def readinto(self, buffer: memoryview) -> int:
        size = os.preadv(self._file, [buffer[: self._end - self._at]], self._at)
        self._at += size
        self._check.feed(buffer[:size])
        return size
