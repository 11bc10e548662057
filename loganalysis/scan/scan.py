"""Scans one file, or one range of a plain file, in this process.

file ──▶ source ──▶ Scanner, window by window ──▶ PartialResult
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loganalysis.count.result import PartialResult
from loganalysis.count.scanner import Scanner, ScanOptions
from loganalysis.match.patterns import Prepared
from loganalysis.match.regexes import Search
from loganalysis.read.encodings import Utf8Source
from loganalysis.read.errors import SourceError
from loganalysis.read.open_source import PlainSource
from loganalysis.read.stored import Stored
from loganalysis.times.time_span import TimeSpan

REPORT_SECONDS = 0.1

ReportTotals = Callable[[int, list[int]], None]
"""Takes the bytes scanned so far, and the counts so far in the order of the patterns."""


@dataclass(frozen=True)
class Look:
    """A way to look at the results of a scan that goes on.

    `results` returns the results of consecutive parts of the file. `size` returns the number of
    entries in their tables, without looking.
    """

    results: Callable[[], Sequence[PartialResult]]
    size: Callable[[], int]

    @classmethod
    def at(cls, partial: PartialResult) -> "Look":
        """A look at one result."""
        return cls(lambda: [partial], lambda: partial.table.size if partial.table else 0)

    def behind(self, earlier: "Look") -> "Look":
        """This look, and one at an earlier part of the file."""
        return Look(
            lambda: [*earlier.results(), *self.results()], lambda: earlier.size() + self.size()
        )


Watch = Callable[[Look, bool], None]
"""Called during a scan, with a way to look at its results, and with True if the scan has failed."""


def watch_nothing(look: Look, has_failed: bool) -> None:
    """Take no look."""


def scan_range(
    file: Stored,
    byte_range: tuple[int, int],
    patterns: Sequence[Prepared],
    options: ScanOptions,
    report_totals: ReportTotals,
    regexes: Sequence[Search] | None = None,
    watch: Watch = watch_nothing,
) -> PartialResult:
    """Scan whole lines of a plain UTF-8 file, from one offset to another.

    `regexes` are the compiled patterns, if this process has them from an earlier range. Raises
    OSError, and SourceError if the file becomes shorter.
    """
    with PlainSource(file, *byte_range) as source:
        origin = byte_range[0]
        joined = options.records.source(source) if options.records else None
        read = joined or source.mapped() or source
        scanner = Scanner(patterns, options, read, regexes, origin)
        for _ in _windows(scanner, lambda: scanner.bytes, report_totals, watch):
            pass
    return scanner.partial


def scan_text(
    text: Utf8Source,
    patterns: Sequence[Prepared],
    options: ScanOptions,
    report_totals: ReportTotals,
    regexes: Sequence[Search] | None = None,
    origin: int = 0,
    watch: Watch = watch_nothing,
) -> tuple[PartialResult, TimeSpan]:
    """Scan a source that decompresses or decodes a file. Raises OSError and SourceError.

    `origin` is the number of bytes in the members of an archive before this one.
    """
    read = options.records.source(text) if options.records else text
    scanner, time_span = Scanner(patterns, options, read, regexes, origin), TimeSpan()
    for new in _windows(scanner, lambda: text.bytes_done, report_totals, watch):
        time_span.feed(new)
    partial = scanner.partial
    if text.is_valid:
        partial.invalid_text = text.replaced
    return partial, time_span


def _windows(
    scanner: Scanner, bytes_done: Callable[[], int], report_totals: ReportTotals, watch: Watch
) -> Iterator[memoryview]:
    """Scan to the end, and report the totals at most ten times a second and at the end.

    Yields the bytes of each window after they were scanned.
    """
    look = Look(lambda: [scanner.so_far()], lambda: scanner.table_size)
    report_at = 0.0
    try:
        while scanner.scan():
            yield scanner.new
            now = time.monotonic()
            if now >= report_at:
                watch(look, False)
                report_totals(bytes_done(), scanner.counts)
                report_at = now + REPORT_SECONDS
    except SourceError:
        watch(look, True)
        raise
    finally:
        report_totals(bytes_done(), scanner.counts)
