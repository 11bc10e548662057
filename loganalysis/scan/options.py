"""The options of an analysis, and what they mean for the scan of a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import ScanOptions
from loganalysis.fields.plan import FieldPlan
from loganalysis.match.patterns import Pattern, Prepared, prepare
from loganalysis.read.encodings import UTF8_ENCODINGS, Utf8Source, detect
from loganalysis.read.formats import format_of
from loganalysis.read.open_source import DecompressionLimits, open_source
from loganalysis.read.stored import Stored, modified_at, read_at
from loganalysis.read.window import LINE_HEAD_BYTES
from loganalysis.records.plan import RecordPlan, within_records
from loganalysis.records.rule import RECORD_HEAD_BYTES, SAMPLE_BYTES, RecordRule, Records, rule_of
from loganalysis.scan.field_choice import WantedField
from loganalysis.templates.collector import overview_collector
from loganalysis.times.c_timeline import SAMPLE_CELLS, TimelineOptions, TimeRules
from loganalysis.times.line_times import LineTimes
from loganalysis.times.reference_time import better_reference, head_blocks
from loganalysis.times.time_formats import Reference
from loganalysis.times.time_limits import NO_LIMITS, TimeLimits
from loganalysis.times.time_span import TimeSpan, shortest_half
from loganalysis.times.timeline import width_for

_READ_BYTES = 1 << 20
_MAX_SAMPLE_CELLS = 2048
"""Of all patterns together. A line that is kept for a cell has up to 6 KB with its context."""
_MAX_BUCKETS = 50_000
"""Of all histograms together; a bucket takes about 100 bytes."""
_MIN_BUCKETS = 24  # a histogram of decades never has more
_MAX_SAMPLES = 1000
"""Of all patterns together. A sample has up to 1,000 bytes, and up to six times as many in JSON."""

_MAX_RECORDS = _MAX_SAMPLES * LINE_HEAD_BYTES // RECORD_HEAD_BYTES


@dataclass(frozen=True)
class AnalysisOptions:
    """Options of an analysis, as the client gives them.

    `samples` is the number of lines to show for each pattern, `histogram` a unit of time or empty,
    `encoding` a name from check_encoding, or None to detect the encoding from the BOM. `members`
    has globs for the members of an archive, none for all. `timeline` asks for counts of lines
    over time on one axis. Only lines within the time `limits` count. `fields` are counted, with the
    `top` most frequent values of each. `overview` asks for templates, levels, status classes and
    bursts of all lines. `context` is the number of lines before and after each
    sample, None for samples that are only texts. With `records`, all of this is about records
    instead of lines. `explain` asks what explains the bursts of an overview.
    """

    lines: bool = True
    samples: int = 0
    histogram: str = ""
    encoding: str | None = None
    members: tuple[str, ...] = ()
    timeline: bool = False
    limits: TimeLimits = NO_LIMITS
    fields: tuple[WantedField, ...] = ()
    top: int = 20
    overview: bool = False
    context: int | None = None
    records: Records | None = None
    explain: bool = False

    @property
    def needs_times(self) -> bool:
        """Whether the time of every line is read."""
        return self.has_timeline or self.limits.are_given or self.spreads_samples

    @property
    def has_timeline(self) -> bool:
        """Whether the result has a timeline: if asked for, or for fields over time."""
        return self.timeline or any(each.over_time for each in self.fields)

    @property
    def spreads_samples(self) -> bool:
        """Whether samples are spread over time. Otherwise they are the first lines."""
        return self.samples > 0 and (self.timeline or self.context is not None)


@dataclass(frozen=True)
class Times:
    """Facts about the times of a file that are known before the scan.

    Lines from second `since` on and before second `until` count; None is no limit. `width` is the
    width of a timeline's first cells, which are never too wide for its axis.
    """

    since: int | None = None
    until: int | None = None
    width: int = 1

    @property
    def limits(self) -> tuple[int | None, int | None] | None:
        """`since` and `until`, or None if there is no limit."""
        return None if self.since is None and self.until is None else (self.since, self.until)


def times_of(
    options: AnalysisOptions,
    file: Stored,
    modified: float,
    limits: DecompressionLimits | None = None,
) -> Times:
    """The times that the options mean for a file that is no archive.

    `modified` is the reference of the file. A file that is not plain UTF-8 is read to its end if a
    time is relative to the last one. Raises OSError and SourceError.
    """
    if not options.needs_times:
        return Times()
    is_plain = format_of(file) is None
    is_plain = is_plain and detect_encoding(file, options.encoding)[0] in UTF8_ENCODINGS
    line_times = LineTimes(modified)
    if options.limits.are_given:
        span = None
        if options.limits.are_relative and is_plain:
            span = TimeSpan.of_file(file).times(line_times)
        elif options.limits.are_relative:
            whole = _read(file, options.encoding, limits)
            better = reference_after(whole, file, modified, options.encoding, limits)
            span = whole.times(LineTimes(better or modified))
        return Times(*options.limits.resolve(span and span[1]))
    half = shortest_half(file, line_times) if is_plain else None
    return Times(width=width_for(*half) if half else 1)


def _read(file: Stored, encoding: str | None, limits: DecompressionLimits | None) -> TimeSpan:
    """Read a file to its end, for its time span. Raises OSError and SourceError."""
    span, buffer = TimeSpan(), memoryview(bytearray(_READ_BYTES))
    with open_source(file, limits) as source, Utf8Source(source, encoding) as text:
        while size := text.readinto(buffer):
            span.feed(buffer[:size])
    return span


def reference_after(
    span: TimeSpan,
    file: Stored,
    used: float,
    encoding: str | None,
    limits: DecompressionLimits | None,
) -> Reference | None:
    """A better reference than `used`, by the text of a whole file; None if it changes no time."""

    def head() -> Iterable[bytes]:
        return head_blocks(file, encoding, limits)

    return better_reference(span.blocks, used, modified_at(file), head)


def detect_encoding(file: Stored, asked: str | None) -> tuple[str, bool]:
    """The encoding of a plain file, and whether it begins with a BOM."""
    encoding, bom_bytes = detect(read_at(file, 0, 4), asked)
    return encoding, bom_bytes > 0


def scan_options_of(
    options: AnalysisOptions,
    modified: float,
    patterns: int,
    times: Times | None = None,
    fields: FieldPlan | None = None,
    rule: RecordRule | None = None,
) -> ScanOptions:
    """Translate the options for a Scanner.

    `modified` is the time of the file in epoch seconds; it determines the year of times that have
    none. Without a `rule` for its records, its first bytes decide.
    """
    found = _scan_options(options, modified, patterns, times, fields)
    if options.records is None:
        return found
    plan = RecordPlan(options.records, modified, rule)
    return replace(found, records=plan, line_head_bytes=RECORD_HEAD_BYTES)


def prepared_for(patterns: Sequence[Pattern], options: AnalysisOptions) -> list[Prepared]:
    """The patterns as a Scanner takes them. Raises PatternError."""
    prepared = prepare(patterns)
    return within_records(prepared) if options.records else prepared


def record_rule(options: AnalysisOptions, file: Stored, modified: float) -> RecordRule | None:
    """The rule for the records of a plain UTF-8 file; None for other files, and without records.

    `modified` is the reference of the file. Raises OSError.
    """
    if options.records is None or format_of(file) is not None:
        return None
    if detect_encoding(file, options.encoding)[0] not in UTF8_ENCODINGS:
        return None
    return rule_of(options.records, read_at(file, 0, SAMPLE_BYTES), modified)


def _scan_options(
    options: AnalysisOptions,
    modified: float,
    patterns: int,
    times: Times | None,
    fields: FieldPlan | None,
) -> ScanOptions:
    are_records = options.records is not None
    collector = partial(overview_collector, modified, are_records) if options.overview else None
    if not options.lines:
        return ScanOptions(fields=fields, collector=collector)
    second_of = LineTimes(modified).second_of
    time_of = second_of if options.histogram else None
    samples, buckets = limits_of(options, patterns)
    spread = samples if options.spreads_samples else 0
    lines = LineOptions(samples - spread, time_of, options.histogram, buckets, second_of)
    if not options.needs_times:
        return ScanOptions(lines, fields=fields, collector=collector)
    times, cells = times or Times(), _sample_cells(patterns)
    timeline = TimelineOptions(
        *(TimeRules(modified), times.width, times.since, times.until),
        *(spread, cells, options.context or 0),
    )
    return ScanOptions(lines, fields=fields, collector=collector, timeline=timeline)


def _sample_cells(patterns: int) -> int:
    """The number of cells that each have a sample of a pattern, a power of two."""
    cells = max(_MAX_SAMPLE_CELLS // max(patterns, 1), 2)
    return min(1 << cells.bit_length() - 1, SAMPLE_CELLS)


def limits_of(options: AnalysisOptions, patterns: int) -> tuple[int, int]:
    """The number of samples, and of buckets of the histogram, for each pattern.

    With many patterns, each gets fewer samples and smaller histograms.
    """
    if not options.lines:
        return 0, 0
    patterns = max(patterns, 1)
    most = _MAX_RECORDS if options.records else _MAX_SAMPLES
    samples = min(options.samples, max(1, most // patterns))
    return samples, max(_MIN_BUCKETS, _MAX_BUCKETS // patterns)
