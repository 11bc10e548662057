"""Analyzes one file; the main entry point of this package.

patterns ──prepare──▶ ┌ a plain UTF-8 file: as one range, or in several processes ┐
file ─────────────────┼ an archive: member by member ─────────────────────────────┼▶ result
                      └ any other file: decompressed and decoded ─────────────────┘
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from loganalysis.archives.archive import Selection
from loganalysis.archives.open_archive import archive_format, open_archive
from loganalysis.count.result import PartialResult
from loganalysis.count.scanner import ScanOptions
from loganalysis.index.gzip_points import MIN_FILE_BYTES
from loganalysis.index.gzip_recorder import AccessPoint, GzipRecorder
from loganalysis.match.patterns import Pattern
from loganalysis.read.encodings import UTF8_ENCODINGS, Utf8Source
from loganalysis.read.formats import format_of
from loganalysis.read.json_values import Json
from loganalysis.read.open_source import DecompressionLimits, open_source
from loganalysis.read.stored import Stored, modified_at, size_of
from loganalysis.read.text_check import check_file
from loganalysis.scan import ranges
from loganalysis.scan.archive_scan import ArchiveScan
from loganalysis.scan.field_choice import plan_by_first_lines, plan_fields
from loganalysis.scan.members import MemberResults
from loganalysis.scan.options import (
    AnalysisOptions,
    Times,
    detect_encoding,
    prepared_for,
    record_rule,
    reference_after,
    scan_options_of,
    times_of,
)
from loganalysis.scan.partial_result import SoFar
from loganalysis.scan.scan import scan_range, scan_text
from loganalysis.times.reference_time import reference_of
from loganalysis.times.time_formats import Reference
from loganalysis.times.time_span import KnownSpan, TimeSpan

_NO_ARCHIVE = {
    "code": "no_archive",
    "message": "members selects files of an archive, but this file is none: it was analyzed whole",
}

Report = Callable[[Json], None]
"""Takes {"bytes_done", "bytes_total", "counts"}, at most ten times a second. Bytes are those of the
stored file; counts are by the key of the pattern. An archive adds "members_done". A scan that takes
long or fails adds a "timeline" and an "overview", see so_far.py."""


@dataclass(frozen=True)
class AnalysisResult:
    """The result for a file. `stored_bytes` is its size, `partial.bytes` the size of its data.

    `members` has the results for the members of an archive; it is None for any other file.
    `modified` is its reference in epoch seconds, which determines the year of times that have none.
    """

    keys: list[str]
    partial: PartialResult
    time_span: TimeSpan | KnownSpan
    format: str
    encoding: str
    bom: bool
    stored_bytes: int
    seconds: float
    modified: float
    warnings: list[dict[str, str]]
    members: MemberResults | None = None
    field_names: tuple[str, ...] = ()
    """The names of the fields in `partial.fields`."""
    access_points: Sequence[AccessPoint] = ()
    """Where the decoder of a gzip file can begin."""
    selected: tuple[int | None, int | None] | None = None
    """The times in epoch seconds between which lines count, if the options name any."""


def analyze(
    file: Stored,
    patterns: Sequence[Pattern],
    options: AnalysisOptions,
    report: Report,
    processes: int = 1,
    limits: DecompressionLimits | None = None,
) -> AnalysisResult:
    """Scan a file to its end, in several processes if it is plain and large.

    The number of processes does not change the result. Raises PatternError, FormatError,
    SelectionError, OSError, HelperError, and SourceError (after a last report with the counts so
    far).
    """
    archive = archive_format(file, limits)

    def scan(known: Any = None) -> AnalysisResult:
        if archive:
            return _analyze_archive(file, archive, patterns, options, report, limits, known)
        return _analyze_file(file, patterns, options, report, processes, limits, known)

    try:
        return scan()
    except _OtherReference as better:
        return scan(better.found)


class _OtherReference(Exception):
    """A scan has found that its times have another reference: it has to begin again."""

    def __init__(self, found: object) -> None:
        super().__init__()
        self.found = found


def _check(found: object, known: object) -> None:
    """Raise _OtherReference if a scan has found references, and none were known."""
    if found and known is None:
        raise _OtherReference(found)


def _analyze_file(
    file: Stored,
    patterns: Sequence[Pattern],
    options: AnalysisOptions,
    report: Report,
    processes: int,
    limits: DecompressionLimits | None,
    known: float | None = None,
) -> AnalysisResult:
    """Scan a file that is no archive, whose reference may be `known`. Raises as `analyze` does."""
    started, warnings = time.monotonic(), check_file(file, options.encoding, limits)
    warnings += [_NO_ARCHIVE] if options.members else []
    prepared, keys = prepared_for(patterns, options), [pattern.key for pattern in patterns]
    modified, size = known or reference_of(file, options.encoding, limits), size_of(file)
    rule, times = record_rule(options, file, modified), times_of(options, file, modified, limits)
    planned = plan_fields(file, options.fields, modified, options.encoding, rule)
    scan_options = scan_options_of(options, modified, len(patterns), times, planned.plan, rule)
    so_far = SoFar(keys, options, modified)

    def report_totals(done: int, counts: list[int]) -> None:
        by_key = dict(zip(keys, counts, strict=True))
        report({"bytes_done": done, "bytes_total": size, "counts": by_key, **so_far.found})

    scan = prepared, scan_options, report_totals
    form, time_span, recorder = format_of(file), None, _recorder(file, options)
    encoding, bom = detect_encoding(file, options.encoding)
    if form is not None or encoding not in UTF8_ENCODINGS:
        with Utf8Source(open_source(file, limits, recorder), options.encoding) as text:
            partial, time_span = scan_text(text, *scan, watch=so_far.watch)
        _check(known or reference_after(time_span, file, modified, options.encoding, limits), known)
        encoding, bom = text.encoding, text.bom
    elif processes > 1 and ranges.can_be_split(prepared, size, ranges.MIN_BYTES):
        partial = ranges.scan_ranges(file, *scan, processes, ranges.RANGE_BYTES, so_far.watch)
    else:
        partial = scan_range(file, (0, size), *scan, watch=so_far.watch)
    return AnalysisResult(
        keys=keys,
        partial=partial,
        time_span=time_span or TimeSpan.of_file(file),
        format=form.name if form else "plain",
        encoding=encoding,
        bom=bom,
        stored_bytes=size,
        seconds=max(time.monotonic() - started, 1e-6),
        modified=modified,
        warnings=warnings + planned.warnings(partial.fields),
        field_names=planned.names,
        access_points=recorder.points if recorder else (),
        selected=times.limits,
    )


def _recorder(file: Stored, options: AnalysisOptions) -> GzipRecorder | None:
    """A recorder that finds access points, if readers of lines would use them."""
    return GzipRecorder() if options.lines and size_of(file) >= MIN_FILE_BYTES else None


def _analyze_archive(
    file: Stored,
    format: str,
    patterns: Sequence[Pattern],
    options: AnalysisOptions,
    report: Report,
    limits: DecompressionLimits | None,
    known: Mapping[int, Reference] | None = None,
) -> AnalysisResult:
    """Scan members one after another; `known` are references by `at`. Raises as `analyze` does."""
    prepared, keys = prepared_for(patterns, options), [pattern.key for pattern in patterns]
    started, modified, size = time.monotonic(), modified_at(file), size_of(file)
    limits = limits or DecompressionLimits()
    planned = plan_by_first_lines(options.fields)
    times = _times_of_archive(file, format, options, limits)

    def options_at(moment: float) -> ScanOptions:
        return scan_options_of(options, moment, len(patterns), times, planned.plan)

    so_far = SoFar(keys, options, modified)

    def report_members(done: int, counts: list[int], members: int) -> None:
        by_key = dict(zip(keys, counts, strict=True))
        totals = {"bytes_done": done, "bytes_total": size, "counts": by_key}
        report({**totals, "members_done": members, **so_far.found})

    recorder = _recorder(file, options)
    with closing(open_archive(file, format, limits, recorder)) as archive:
        scan = ArchiveScan(
            *(archive, prepared, keys, options_at, modified, limits, report_members),
            *(so_far.watch, known or {}),
        )
        scan.run(Selection(options.members), options.encoding)
    _check(scan.references, known)
    return AnalysisResult(
        keys=keys,
        partial=scan.partial,
        time_span=KnownSpan(scan.time_span),
        format=format,
        encoding=scan.encoding,
        bom=scan.bom,
        stored_bytes=size,
        seconds=max(time.monotonic() - started, 1e-6),
        modified=modified,
        warnings=[*scan.members.all_warnings(), *planned.warnings(scan.partial.fields)],
        field_names=planned.names,
        access_points=recorder.points if recorder else (),
        members=scan.members,
        selected=times.limits,
    )


def _times_of_archive(
    file: Stored, format: str, options: AnalysisOptions, limits: DecompressionLimits
) -> Times:
    """The times between which lines of the selected members count.

    The archive is read to its end if a time is relative to the last one.
    """
    if not options.limits.are_relative:
        return Times(*options.limits.resolve(None))
    with closing(open_archive(file, format, limits)) as archive:
        scan = ArchiveScan(
            *(archive, [], [], lambda moment: ScanOptions(), modified_at(file), limits),
            lambda done, counts, members: None,
        )
        scan.run(Selection(options.members), options.encoding)
    return Times(*options.limits.resolve(scan.time_span and scan.time_span[1]))
