"""Scans a plain file in ranges of whole lines, in threads or processes, and merges the results."""

import io
import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from runner.analysis.count.file_facts import FileFacts, ObservedSource
from runner.analysis.count.histogram import TimeSpan
from runner.analysis.count.pattern_result import PartialResult, PatternResult
from runner.analysis.count.scanner import Scanner, ScanOptions
from runner.analysis.input.errors import HelperError
from runner.analysis.input.invalid_text import Utf8Check
from runner.analysis.input.mapped import MappedFile, map_file
from runner.analysis.input.progress import ReportProgress
from runner.analysis.input.stored import Stored, descriptor_of, open_stored, size_of
from runner.analysis.match import kernel
from runner.analysis.match.engine_choice import AdaptiveRegex, adaptive_regexes
from runner.analysis.match.patterns import Literal, Regex
from runner.analysis.parallel import processes, threads
from runner.analysis.parallel.line_ranges import line_ranges, split_offsets

RANGE_BYTES = 128 << 20
MIN_BYTES = 128 << 20
"""A smaller file is scanned by one thread of one process."""

MAX_THREADS = 4
_THREADS_MEMORY_BYTES, _THREAD_OVERHEAD_BYTES = 26 << 20, 4 << 20
"""Memory of all threads together, and of each beside its window. The smaller the windows, the more
often threads wait for each other."""

ReportTotals = Callable[[int, list[int]], None]
"""Takes the bytes scanned so far, and the counts so far in the order of the patterns."""


def scan_ranges(
    file: Stored,
    patterns: Sequence[Literal | Regex],
    options: ScanOptions,
    processors: int,
    report_totals: ReportTotals,
    range_bytes: int,
) -> tuple[PartialResult, FileFacts]:
    """Scan a plain file in ranges of up to `range_bytes`, on this many processors.

    Threads of this process do it if the scan can run in C without Python's GIL; otherwise this
    process and helper processes do it. Raises OSError, and HelperError if a helper fails or the
    file becomes shorter.
    """
    size = size_of(file)
    ranges = line_ranges(file, split_offsets(size, range_bytes, processors))
    kernel.available()  # helpers inherit the cached answer, and need not test the kernel themselves
    use_threads = processors <= MAX_THREADS and _runs_without_gil(file, patterns, options)
    if use_threads:
        window_bytes = _THREADS_MEMORY_BYTES // processors - _THREAD_OVERHEAD_BYTES
        options = replace(options, window_bytes=window_bytes)
    samples = options.lines.samples if options.lines else 0
    merged = _MergedRanges(len(patterns), samples, report_totals)
    regexes = cache(lambda: adaptive_regexes(patterns))  # compiled once in each process

    def scan(number: int, report: ReportProgress) -> tuple[PartialResult, FileFacts]:
        return scan_range(file, ranges[number], size, patterns, options, report, regexes())

    def scan_and_pickle(number: int, report: ReportProgress) -> bytes:
        return _pickled(*scan(number, report))

    def add(number: int, result: tuple[PartialResult, FileFacts]) -> None:
        partial, facts = result
        merged.add(number, partial, facts, partial.results)

    def unpickle_and_add(number: int, result: bytes) -> None:
        stream = io.BytesIO(result)
        partial, facts = pickle.load(stream)
        merged.add(number, partial, facts, (pickle.load(stream) for _ in patterns))

    count = len(ranges)
    if use_threads:
        threads.run_ranges(scan, count, processors, merged.on_progress, add)
    else:
        on_progress = merged.on_progress
        processes.run_ranges(scan_and_pickle, count, processors, on_progress, unpickle_and_add)
    return merged.partial, merged.facts


def _runs_without_gil(
    file: Stored, patterns: Sequence[Literal | Regex], options: ScanOptions
) -> bool:
    """Whether the kernel does nearly all of the scan, so that threads run at the same time."""
    lines = options.lines
    counts = lines is None or not (lines.samples or lines.time_of)
    literals = all(isinstance(each, Literal) for each in patterns)
    return isinstance(file, Path) and literals and counts and kernel.available()


class _MergedRanges:
    """The merged result of the ranges so far, and the progress of the ranges under way."""

    def __init__(self, patterns: int, samples: int, report_totals: ReportTotals) -> None:
        self.partial, self.facts = PartialResult.of(patterns), FileFacts()
        self._samples, self._report_totals = samples, report_totals
        self._progress: dict[int, tuple[int, list[int]]] = {}  # of ranges not yet merged

    def on_progress(self, number: int, totals: tuple[int, list[int]]) -> None:
        """Note the bytes and counts of a range under way, and report the totals."""
        self._progress[number] = totals
        self._report()

    def add(
        self,
        number: int,
        partial: PartialResult,
        facts: FileFacts,
        results: Iterable[PatternResult],
    ) -> None:
        """Merge the result of the next range. `results` may be an iterator, to save memory."""
        self._progress.pop(number, None)
        self.facts.merge(facts, self.partial.bytes)
        self.partial.merge(partial, results, self._samples)
        self._report()

    def _report(self) -> None:
        merged = (self.partial.bytes, [result.count for result in self.partial.results])
        done, counts = zip(merged, *self._progress.values(), strict=True)
        self._report_totals(sum(done), [sum(each) for each in zip(*counts, strict=True)])


def _pickled(partial: PartialResult, facts: FileFacts) -> bytes:
    """Pickle one pattern's result after the other, because all together can have megabytes."""
    stream = io.BytesIO()
    results, partial.results = partial.results[::-1], []
    pickle.dump((partial, facts), stream)
    while results:
        pickle.dump(results.pop(), stream)  # pop frees the pattern's result
    return stream.getvalue()


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
