"""Scans a plain file in ranges of whole lines, in several processes, and merges the results."""

import io
import pickle
from collections.abc import Callable, Sequence
from itertools import pairwise

from runner.analysis.count.file_facts import FileFacts, ObservedSource
from runner.analysis.count.histogram import TimeSpan
from runner.analysis.count.pattern_result import PartialResult
from runner.analysis.count.scanner import Scanner, ScanOptions
from runner.analysis.helpers import run_ranges
from runner.analysis.input.errors import HelperError
from runner.analysis.input.invalid_text import Utf8Check
from runner.analysis.input.mapped import MappedFile, map_file
from runner.analysis.input.progress import ReportProgress
from runner.analysis.input.stored import Stored, descriptor_of, open_stored, read_at, size_of
from runner.analysis.match import kernel
from runner.analysis.match.engine_choice import AdaptiveRegex, adaptive_regexes
from runner.analysis.match.patterns import Literal, Regex

RANGE_BYTES = 32 << 20
MIN_BYTES = 128 << 20
"""A smaller file is scanned by one process."""
_BLOCK_BYTES = 64 << 10

ReportTotals = Callable[[int, list[int]], None]
"""Takes the bytes scanned so far, and the counts so far in the order of the patterns."""


def can_be_split(patterns: Sequence[Literal | Regex], size: int, min_bytes: int) -> bool:
    """Whether a file of `size` bytes is large enough, and no match can cross from range to range.

    Ranges end after a newline, so only literals that contain a newline before their last byte
    could cross. Regexes match within one line.
    """
    spans = any(isinstance(each, Literal) and each.spans_lines for each in patterns)
    return size >= min_bytes and not spans


def line_ranges(file: Stored, range_bytes: int) -> list[tuple[int, int]]:
    """Ranges (start, end) of a file: multiples of `range_bytes`, moved to the end of a line."""
    size, ends = size_of(file), [0]
    for offset in [*range(range_bytes, size, range_bytes), size]:
        if offset > ends[-1]:
            ends.append(next_line_start(file, offset - 1, size))
    return list(pairwise(ends))


def next_line_start(file: Stored, at: int, size: int) -> int:
    """The offset after the newline that ends the line of byte `at`, or `size` for the last line."""
    while at < size:
        block = read_at(file, at, _BLOCK_BYTES)
        newline = block.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        if not block:
            break
        at += len(block)
    return size


def scan_ranges(
    file: Stored,
    patterns: Sequence[Literal | Regex],
    options: ScanOptions,
    processes: int,
    report_totals: ReportTotals,
    range_bytes: int,
) -> tuple[PartialResult, FileFacts]:
    """Scan a plain file in ranges of up to `range_bytes`, by this many helper processes.

    Raises OSError, and HelperError if a helper fails or the file becomes shorter.
    """
    size = size_of(file)
    ranges = line_ranges(file, min(range_bytes, -(-size // processes)))
    kernel.available()  # helpers inherit the cached answer and the compiled regexes
    regexes = adaptive_regexes(patterns)
    samples = options.lines.samples if options.lines else 0
    merged, facts = PartialResult.of(len(patterns)), FileFacts()
    under_way: dict[int, tuple[int, list[int]]] = {}

    def scan(number: int, report: ReportProgress) -> bytes:
        found = scan_range(file, ranges[number], size, patterns, options, report, regexes)
        return pickle.dumps(found)

    def report_sums() -> None:
        known = (merged.bytes, [result.count for result in merged.results])
        done, counts = zip(known, *under_way.values(), strict=True)
        report_totals(sum(done), [sum(each) for each in zip(*counts, strict=True)])

    def on_progress(number: int, totals: tuple[int, list[int]]) -> None:
        under_way[number] = totals
        report_sums()

    def on_result(number: int, result: bytes) -> None:
        under_way.pop(number, None)
        partial, range_facts = pickle.loads(result)
        facts.merge(range_facts, merged.bytes)
        merged.merge(partial, samples)
        report_sums()

    run_ranges(scan, len(ranges), processes, on_progress, on_result)
    return merged, facts


def scan_range(
    file: Stored,
    byte_range: tuple[int, int],
    size: int,
    patterns: Sequence[Literal | Regex],
    options: ScanOptions,
    report: ReportProgress,
    regexes: Sequence[AdaptiveRegex] | None = None,
) -> tuple[PartialResult, FileFacts]:
    """Scan whole lines of a plain file of `size` bytes, from one offset to another.

    Reports (bytes scanned, counts) of this range. `regexes` are the compiled patterns, if this
    process has them from an earlier range. Raises HelperError if the file becomes shorter.
    """
    start, end = byte_range
    utf8_check, time_span = Utf8Check(), TimeSpan()
    with open_stored(file, start, end) as opened:
        source = ObservedSource(_RangeSource(opened, start, end, utf8_check), time_span)
        scanner = Scanner(patterns, options, source, regexes)
        while scanner.scan():
            report(lambda: (scanner.bytes, scanner.counts))
    if scanner.bytes != end - start:
        raise HelperError("the file was cut while it was read")
    utf8_check.finish()
    time_span.trim(start, size - end)
    return scanner.partial, FileFacts(time_span, utf8_check.invalid_text)


class _RangeSource:
    """A WindowSource for the rest of a range of an open file that is positioned at its start."""

    def __init__(self, file: io.RawIOBase, start: int, end: int, utf8_check: Utf8Check) -> None:
        self._file, self._offset, self._end = file, start, end
        self._utf8_check = utf8_check

    def readinto(self, buffer: memoryview) -> int:
        size = self._file.readinto(buffer[: self._end - self._offset]) or 0
        self._offset += size
        self._utf8_check.feed(buffer[:size])
        return size

    def mapped_file(self) -> MappedFile | None:
        return map_file(descriptor_of(self._file), self._offset, self._end)

    def mark_consumed(self, data: memoryview, ascii: bool) -> None:
        self._utf8_check.feed(data, ascii)
