"""Scans a plain file in ranges of whole lines, in several processes, and merges the results."""

import pickle
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise

from loganalysis.count.result import PartialResult
from loganalysis.count.scanner import ScanOptions
from loganalysis.match.patterns import Literal, Prepared
from loganalysis.match.regexes import adaptive_regexes
from loganalysis.read.stored import Stored, next_line_start, size_of
from loganalysis.scan.scan import Look, ReportTotals, Watch, scan_range, watch_nothing
from loganalysis.times.c_timeline import next_dated_line

if sys.platform == "linux":
    from loganalysis.scan.helper_processes import run_ranges

RANGE_BYTES = 32 << 20
MIN_BYTES = 128 << 20
"""A smaller file is scanned by one process."""


def can_be_split(patterns: Sequence[Prepared], size: int, min_bytes: int) -> bool:
    """Whether a file of `size` bytes is large enough, and no match can cross from range to range.

    Only on Linux: elsewhere, a helper could outlive this process. Ranges end after a newline, so
    only literals that contain a newline before their last byte could cross. Regexes match within
    one line.
    """
    spans = any(isinstance(each, Literal) and each.spans_lines for each in patterns)
    return sys.platform == "linux" and size >= min_bytes and not spans


def line_ranges(
    file: Stored, range_bytes: int, options: ScanOptions | None = None
) -> list[tuple[int, int]]:
    """Ranges (start, end) of a file: multiples of `range_bytes`, moved to the start of a line.

    A timeline moves them to a line with a time, because later lines without one belong to it.
    Records move them to the start of a record.
    """
    size, ends = size_of(file), [0]
    for offset in [*range(range_bytes, size, range_bytes), size]:
        if offset > ends[-1]:
            ends.append(part_start(file, offset, size, options))
    return list(pairwise(ends))


def part_start(file: Stored, cut: int, size: int, options: ScanOptions | None = None) -> int:
    """The start of the part of a file that begins at or after the offset `cut`."""
    if options and options.records and cut:
        return options.records.next_start(file, cut, size, options.timeline is not None)
    if options and options.timeline and cut:
        return next_dated_line(file, cut, size, options.timeline.rules)
    return next_line_start(file, cut - 1, size) if cut else 0


def scan_ranges(
    file: Stored,
    patterns: Sequence[Prepared],
    options: ScanOptions,
    report_totals: ReportTotals,
    processes: int,
    range_bytes: int,
    watch: Watch = watch_nothing,
) -> PartialResult:
    """Scan a plain UTF-8 file in ranges of up to `range_bytes`, by this many helper processes.

    Raises OSError, and HelperError if a helper fails, also because the file becomes shorter.
    """
    ranges = line_ranges(file, min(range_bytes, -(-size_of(file) // processes)), options)
    regexes = adaptive_regexes(patterns)  # helpers inherit them
    samples = options.lines.samples if options.lines else 0
    merged = PartialResult.of(len(patterns))
    under_way: dict[int, tuple[int, list[int]]] = {}

    def scan(number: int, report: Callable[[object], None]) -> bytes:
        def report_range(done: int, counts: list[int]) -> None:
            report((done, counts))

        found = scan_range(file, ranges[number], patterns, options, report_range, regexes)
        return pickle.dumps(found)

    def report_sums() -> None:
        done, counts = zip((merged.bytes, merged.counts), *under_way.values(), strict=True)
        report_totals(sum(done), [sum(each) for each in zip(*counts, strict=True)])

    def on_progress(number: int, totals: tuple[int, list[int]]) -> None:
        under_way[number] = totals
        report_sums()

    def on_result(number: int, result: bytes) -> None:
        under_way.pop(number, None)
        merged.merge(pickle.loads(result), samples)
        watch(Look.at(merged), False)
        report_sums()

    if sys.platform == "linux":  # as `can_be_split` requires
        run_ranges(scan, len(ranges), processes, on_progress, on_result)
    return merged
