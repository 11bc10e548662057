"""The result of an analysis, as the JSON that clients get."""

from collections.abc import Callable
from typing import Any

from runner.analysis.count.histogram import rfc3339
from runner.analysis.count.line_marks import encode_marks
from runner.analysis.count.line_times import LineTimes
from runner.analysis.count.result import PatternResult
from runner.analysis.overview.overview import overview
from runner.analysis.overview.table import ShapeTable
from runner.analysis.run import AnalysisOptions, AnalysisResult


def to_json(result: AnalysisResult, options: AnalysisOptions) -> dict[str, Any]:
    """Everything that was asked for. Results of patterns are by key, in the given order."""

    def each(value: Callable[[PatternResult], Any]) -> dict[str, Any]:
        found = zip(result.keys, result.partial.results, strict=True)
        return {key: value(pattern) for key, pattern in found}

    report: dict[str, Any] = {"counts": each(lambda pattern: pattern.count)}
    if options.lines:
        report["matching_lines"] = each(lambda pattern: pattern.matching_lines)
        report["first_line"] = each(lambda pattern: pattern.first_line)
        report["last_line"] = each(lambda pattern: pattern.last_line)
        report["lines"] = result.partial.lines
    if options.samples:
        report["samples"] = each(lambda pattern: [_shown(line) for line in pattern.samples])
    if options.histogram:
        report["histogram"] = each(lambda pattern: _histogram(pattern, options.histogram))
    if result.partial.fields:
        found = zip(result.field_names, result.partial.fields.fields, strict=True)
        report["fields"] = {name: each.to_json(options.top) for name, each in found}
    file = {"bytes": result.partial.bytes, "file": _file(result)}
    report |= _overview(result) | file | {"warnings": result.warnings}
    if result.members is not None:
        report |= result.members.to_json(result.keys, options.lines)
    return report


def _overview(result: AnalysisResult) -> dict[str, Any]:
    """The overview and its timeline, if they were asked for."""
    table = result.partial.table
    if not isinstance(table, ShapeTable):
        return {}
    found, timeline = overview(table, result.modified)
    return {"overview": found} | ({"timeline": timeline} if timeline else {})


def _file(result: AnalysisResult) -> dict[str, Any]:
    invalid_text = result.partial.invalid_text
    span = result.time_span.times(LineTimes(result.modified))
    marks = result.partial.marks
    index = encode_marks(marks, result.partial.bytes, result.partial.lines, span and span[1])
    return {
        "format": result.format,
        "stored_bytes": result.stored_bytes,
        "encoding": result.encoding,
        "bom": result.bom,
        "not_text": invalid_text.count,
        "first_not_text": invalid_text.first_offset,
        "time_span": span and [rfc3339(moment) for moment in span],
        "seconds": round(result.seconds, 6),
        "bytes_per_second": round(result.partial.bytes / result.seconds),
        "line_index": index if marks.marks and result.members is None else None,
    }


def _histogram(result: PatternResult, unit: str) -> dict[str, Any]:
    histogram = result.histogram
    return {
        "unit": histogram.unit if histogram else unit,
        "lines": histogram.to_json() if histogram else [],
        "undated_lines": result.undated,
    }


def _shown(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")
