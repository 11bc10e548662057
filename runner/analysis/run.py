"""Analyzes one file; the main entry point of this package.

patterns ──prepare──▶ ┌ a plain file of 128 MiB or more: ranges, several processors ┐
file ────open_source──┴ anything else: one Scanner over the source ─────────────────┴▶ result
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runner.analysis import ranges
from runner.analysis.count.file_facts import FileFacts, ObservedSource
from runner.analysis.count.line_times import LineTimes
from runner.analysis.count.lines import LineOptions
from runner.analysis.count.pattern_result import PartialResult
from runner.analysis.count.scanner import Scanner, ScanOptions
from runner.analysis.input.encodings import UTF8_ENCODINGS, Utf8Source, detect
from runner.analysis.input.open_source import open_source
from runner.analysis.input.source import DecompressionLimits
from runner.analysis.input.stored import Stored, modified_at, read_at
from runner.analysis.input.text_check import check_file
from runner.analysis.match.patterns import Literal, Pattern, Regex, prepare

_REPORT_SECONDS = 0.1
_MAX_BUCKETS = 50_000
"""Of all histograms together; a bucket takes about 100 bytes."""
_MIN_BUCKETS = 24  # a histogram of decades never has more
_MAX_SAMPLES = 1000
"""Of all patterns together. A sample has up to 1,000 bytes, and up to six times as many in JSON."""

Report = Callable[[dict[str, Any]], None]
"""Takes {"bytes_done", "bytes_total", "counts"}, at most ten times a second. Bytes are those of the
stored file; counts are by the key of the pattern."""


@dataclass(frozen=True)
class AnalysisOptions:
    """Options of an analysis, as the client gives them.

    `samples` is the number of lines to show for each pattern, `histogram` a unit of time or empty,
    `encoding` a name from check_encoding, or None to detect the encoding from the BOM.
    """

    lines: bool = True
    samples: int = 0
    histogram: str = ""
    encoding: str | None = None


@dataclass(frozen=True)
class AnalysisResult:
    """The result for a file. `stored_bytes` is its size, `partial.bytes` the size of its data."""

    keys: list[str]
    partial: PartialResult
    facts: FileFacts
    format: str
    encoding: str
    bom: bool
    stored_bytes: int
    seconds: float
    time_span: tuple[float, float] | None
    warnings: list[dict[str, str]]


def analyze(
    file: Stored,
    patterns: Sequence[Pattern],
    options: AnalysisOptions,
    report: Report,
    helpers: int = 1,
    limits: DecompressionLimits | None = None,
) -> AnalysisResult:
    """Scan a file to its end, on `helpers` processors if it is plain and large.

    The number of processors does not change the result. Raises PatternError, FormatError, OSError,
    HelperError, and SourceError (after a last report with the counts so far).
    """
    warnings = check_file(file, options.encoding, limits)
    ready, keys = prepare(patterns), [pattern.key for pattern in patterns]
    started, modified = time.monotonic(), modified_at(file)
    scan_options = scan_options_of(options, modified, len(patterns))
    with (
        open_source(file, limits) as source,
        Utf8Source(source, options.encoding) as text,
    ):

        def report_progress(done: int, counts: list[int]) -> None:
            by_key = dict(zip(keys, counts, strict=True))
            report({"bytes_done": done, "bytes_total": source.bytes_total, "counts": by_key})

        splittable = helpers > 1 and source.format == "plain"
        splittable = splittable and ranges.can_be_split(ready, source.bytes_total, ranges.MIN_BYTES)
        encoding, bom = detect_encoding(file, options.encoding) if splittable else ("", False)
        if encoding in UTF8_ENCODINGS:
            size = ranges.RANGE_BYTES
            partial, facts = ranges.scan_ranges(
                file, ready, scan_options, helpers, report_progress, size
            )
        else:
            partial, facts = _scan(text, ready, scan_options, report_progress)
            encoding, bom = text.encoding, text.bom
        span = facts.time_span.times(LineTimes(modified))
        seconds, size = max(time.monotonic() - started, 1e-6), source.bytes_total
        found = (keys, partial, facts, source.format, encoding, bom, size, seconds, span)
        return AnalysisResult(*found, warnings)


def detect_encoding(file: Stored, asked: str | None) -> tuple[str, bool]:
    """The encoding of a plain file, and whether it begins with a BOM."""
    encoding, bom_bytes = detect(read_at(file, 0, 4), asked)
    return encoding, bom_bytes > 0


def scan_options_of(options: AnalysisOptions, modified: float, patterns: int) -> ScanOptions:
    """Translate the options for a Scanner.

    `modified` is the time of the file in epoch seconds; it determines the year of times that have
    none. With many patterns, each gets fewer samples and smaller histograms.
    """
    if not options.lines:
        return ScanOptions()
    time_of = LineTimes(modified).time_of if options.histogram else None
    buckets = max(_MIN_BUCKETS, _MAX_BUCKETS // patterns)
    samples = min(options.samples, max(1, _MAX_SAMPLES // patterns))
    return ScanOptions(LineOptions(samples, time_of, options.histogram, buckets))


def _scan(
    text: Utf8Source,
    patterns: Sequence[Literal | Regex],
    scan_options: ScanOptions,
    report_progress: Callable[[int, list[int]], None],
) -> tuple[PartialResult, FileFacts]:
    facts, report_at = FileFacts(), 0.0
    scanner = Scanner(patterns, scan_options, ObservedSource(text, facts.time_span))
    try:
        while scanner.scan():
            now = time.monotonic()
            if now >= report_at:
                report_progress(text.bytes_done, scanner.counts)
                report_at = now + _REPORT_SECONDS
    finally:
        report_progress(text.bytes_done, scanner.counts)
    facts.invalid_text = text.invalid_text
    return scanner.partial, facts
