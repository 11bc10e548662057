"""Analyzes one file: the way in to this package.

patterns ──prepare──▶ ┌ a plain file of 128 MB or more: ranges, in some processes   ┐
file ────open_source──┴ anything else: one scanner over the source ─────────────────┴──▶ Found
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runner.analysis.count.file_facts import FileFacts, ObservedSource
from runner.analysis.count.lines import LineOptions
from runner.analysis.count.scanner import Options, Scanner
from runner.analysis.count.tally import Partial
from runner.analysis.count.times import LineTimes
from runner.analysis.input.encodings import AS_IT_IS, Utf8Source, detect
from runner.analysis.input.source import DecompressionLimits
from runner.analysis.input.sources import open_source
from runner.analysis.input.stored import Stored, modified_at, read_at
from runner.analysis.match.patterns import Literal, Pattern, Regex, prepare
from runner.analysis.parallel import ranges
from runner.analysis.parallel.cuts import may_be_cut

_REPORT_SECONDS = 0.1
_BUCKETS = 50_000
"""Of all histograms together, each some 100 bytes."""
_LEAST_BUCKETS = 24  # a histogram of decades has no more
_SAMPLES = 1000
"""Of all patterns together, each up to 1,000 bytes, but in JSON six times as much."""

Report = Callable[[dict[str, Any]], None]
"""Takes {"bytes_done", "bytes_total", "counts"}, ten times a second at most; bytes are the file's
as it is stored, counts are by the pattern's key."""


@dataclass(frozen=True)
class AnalysisOptions:
    """What is to be told besides counts.

    `samples` are lines for each pattern, `histogram` is a unit of time or empty, `encoding` a name
    from check_encoding or None to go by the BOM.
    """

    lines: bool = True
    samples: int = 0
    histogram: str = ""
    encoding: str | None = None


@dataclass(frozen=True)
class AnalysisResult:
    """What was found in a file. `stored_bytes` is its size, `partial.bytes` that of its data."""

    keys: list[str]
    partial: Partial
    seen: FileFacts
    format: str
    encoding: str
    bom: bool
    stored_bytes: int
    seconds: float
    time_span: tuple[float, float] | None


def analyze(
    file: Stored,
    patterns: Sequence[Pattern],
    wanted: AnalysisOptions,
    report: Report,
    helpers: int = 1,
    limits: DecompressionLimits | None = None,
) -> AnalysisResult:
    """Scan a file to its end; a large plain one by so many processes, with the same outcome.

    Raises PatternError, OSError, SourceError (after a last report with the counts so far) and
    HelperError.
    """
    ready, keys = prepare(patterns), [pattern.key for pattern in patterns]
    began, modified = time.monotonic(), modified_at(file)
    options = options_of(wanted, modified, len(patterns))
    with (
        open_source(file, limits, ahead=helpers > 1) as source,
        Utf8Source(source, wanted.encoding) as text,
    ):

        def tell(done: int, counts: list[int]) -> None:
            by_key = dict(zip(keys, counts, strict=True))
            report({"bytes_done": done, "bytes_total": source.bytes_total, "counts": by_key})

        large = helpers > 1 and source.format == "plain"
        large = large and may_be_cut(ready, source.bytes_total, ranges.LEAST_BYTES)
        encoding, bom = detect_encoding(file, wanted.encoding) if large else ("", False)
        if encoding in AS_IT_IS:
            size = ranges.RANGE_BYTES
            partial, seen = ranges.scan_ranges(file, ready, options, helpers, tell, size)
        else:
            partial, seen = _scan(text, ready, options, tell)
            encoding, bom = text.encoding, text.bom
        span = seen.span.times(LineTimes(modified))
        seconds = max(time.monotonic() - began, 1e-6)
        stored = source.bytes_total
        return AnalysisResult(
            keys, partial, seen, source.format, encoding, bom, stored, seconds, span
        )


def detect_encoding(file: Stored, asked: str | None) -> tuple[str, bool]:
    """The encoding of a plain file, and whether it begins with a BOM."""
    encoding, bom_bytes = detect(read_at(file, 0, 4), asked)
    return encoding, bom_bytes > 0


def options_of(wanted: AnalysisOptions, modified: float, patterns: int) -> Options:
    """The same for a scanner; `modified`, in seconds since 1970, tells the year of times that have
    none. Samples and histograms are fewer where there are many patterns."""
    if not wanted.lines:
        return Options()
    time_of = LineTimes(modified).time_of if wanted.histogram else None
    buckets = max(_LEAST_BUCKETS, _BUCKETS // patterns)
    samples = min(wanted.samples, max(1, _SAMPLES // patterns))
    return Options(LineOptions(samples, time_of, wanted.histogram, buckets))


def _scan(
    text: Utf8Source,
    patterns: Sequence[Literal | Regex],
    options: Options,
    tell: Callable[[int, list[int]], None],
) -> tuple[Partial, FileFacts]:
    seen, tell_at = FileFacts(), 0.0
    scanner = Scanner(patterns, options, ObservedSource(text, seen.span))
    try:
        while scanner.scan():
            now = time.monotonic()
            if now >= tell_at:
                tell(text.bytes_done, scanner.counts)
                tell_at = now + _REPORT_SECONDS
    finally:
        tell(text.bytes_done, scanner.counts)
    seen.trouble = text.trouble
    return scanner.partial, seen
