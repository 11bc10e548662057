"""Analyzes a file in parts, each in whatever process and on whatever machine is free.

    plan ──▶ offsets ──▶ scan_part, many at once ──▶ JSON ──merge──▶ finish ──▶ AnalysisResult

The planned offsets lie anywhere. The two parts at an offset both move it to the end of its line, so
they need to know nothing but the offset.
"""

from collections.abc import Sequence
from typing import Any

from loganalysis.archives.open_archive import archive_format
from loganalysis.count.result import PartialResult
from loganalysis.match.patterns import Pattern
from loganalysis.read.encodings import UTF8_ENCODINGS
from loganalysis.read.formats import format_of
from loganalysis.read.stored import Stored, size_of
from loganalysis.read.text_check import check_file
from loganalysis.records.plan import RecordPlan
from loganalysis.records.rule import LONGEST_RECORD
from loganalysis.scan.analyze import AnalysisResult, Report
from loganalysis.scan.field_choice import plan_fields
from loganalysis.scan.options import (
    AnalysisOptions,
    detect_encoding,
    has_times,
    limits_of,
    prepared_for,
    record_rule,
    scan_options_of,
    times_of,
)
from loganalysis.scan.ranges import can_be_split, part_start
from loganalysis.scan.scan import scan_range
from loganalysis.templates.table import ShapeTable
from loganalysis.times.reference_time import reference_of
from loganalysis.times.time_span import TimeSpan

MAX_PARTS = 400
_NEAR_BYTES = 2 * LONGEST_RECORD


def plan(
    file: Stored, patterns: Sequence[Pattern], options: AnalysisOptions, part_bytes: int
) -> list[tuple[int, int]]:
    """Split a file into parts (start, end) of about `part_bytes`.

    Returns no parts if they could give another result than the whole file: for an archive, a
    compressed file, an encoding that is not UTF-8, or a pattern with text that spans lines. If
    times are read, a part begins at a line with a time, so a file without times has no parts
    either. Raises PatternError, FormatError and OSError.
    """
    if archive_format(file):
        return []
    check_file(file, options.encoding)
    size = size_of(file)
    part_bytes = max(part_bytes, -(-size // MAX_PARTS))
    prepared = prepared_for(patterns, options)
    if not can_be_split(prepared, size, part_bytes + 1) or format_of(file) is not None:
        return []
    if detect_encoding(file, options.encoding)[0] not in UTF8_ENCODINGS:
        return []
    if options.needs_times and not has_times(file):
        return []
    parts = [(start, min(start + part_bytes, size)) for start in range(0, size, part_bytes)]
    return parts if _have_records(file, parts, options) else []


def _have_records(file: Stored, parts: Sequence[tuple[int, int]], options: AnalysisOptions) -> bool:
    """Whether a record begins near the start of each part, so that none has to search for long."""
    if options.records is None:
        return True
    modified, size = reference_of(file, options.encoding), size_of(file)
    plan = RecordPlan(options.records, modified, record_rule(options, file, modified))
    near = [min(cut + _NEAR_BYTES, size) for cut, _ in parts[1:]]
    return all(
        end == size or plan.next_start(file, cut, end, options.needs_times) < end
        for (cut, _), end in zip(parts[1:], near, strict=True)
    )


def scan_part(
    file: Stored,
    part: tuple[int, int],
    patterns: Sequence[Pattern],
    options: AnalysisOptions,
    report: Report,
) -> dict[str, Any]:
    """Scan the lines that belong to a part of `plan`, and return JSON for `merge`.

    `report` gets the progress of this part only. Raises OSError and SourceError.
    """
    modified, size = reference_of(file, options.encoding), size_of(file)
    prepared, rule = prepared_for(patterns, options), record_rule(options, file, modified)
    planned = plan_fields(file, options.fields, modified, options.encoding, rule)
    times = times_of(options, file, modified)
    scan_options = scan_options_of(options, modified, len(patterns), times, planned.plan, rule)
    start, end = (part_start(file, cut, size, scan_options) for cut in part)

    def report_totals(done: int, counts: list[int]) -> None:
        report(progress(part, patterns, done, counts))

    return scan_range(file, (start, end), prepared, scan_options, report_totals).dump()


def progress(
    part: tuple[int, int], patterns: Sequence[Pattern], done: int, counts: Sequence[int]
) -> dict[str, Any]:
    """Progress of a part, as JSON. The sum over all parts is the progress of the file."""
    by_key = dict(zip((each.key for each in patterns), counts, strict=True))
    return {"bytes_done": done, "bytes_total": part[1] - part[0], "counts": by_key}


def merge(
    results: Sequence[dict[str, Any]], options: AnalysisOptions, patterns: int
) -> dict[str, Any]:
    """Merge the results of consecutive parts into the result of one part."""
    samples, buckets = limits_of(options, patterns)
    whole = PartialResult.of(patterns)
    for result in results:
        whole.merge(PartialResult.load(result, buckets, ShapeTable.load), samples)
    return whole.dump()


def finish(
    file: Stored,
    merged: dict[str, Any],
    patterns: Sequence[Pattern],
    options: AnalysisOptions,
    seconds: float,
) -> AnalysisResult:
    """The result for the file, from all parts merged. `seconds` is the time that they took."""
    buckets = limits_of(options, len(patterns))[1]
    encoding, bom = detect_encoding(file, options.encoding)
    modified = reference_of(file, options.encoding)
    rule = record_rule(options, file, modified)
    planned = plan_fields(file, options.fields, modified, options.encoding, rule)
    partial = PartialResult.load(merged, buckets, ShapeTable.load)
    warnings = check_file(file, options.encoding)
    return AnalysisResult(
        keys=[pattern.key for pattern in patterns],
        partial=partial,
        time_span=TimeSpan.of_file(file),
        format="plain",
        encoding=encoding,
        bom=bom,
        stored_bytes=size_of(file),
        seconds=seconds,
        modified=modified,
        warnings=warnings + planned.warnings(partial.fields),
        field_names=planned.names,
        selected=times_of(options, file, modified).limits,
    )
