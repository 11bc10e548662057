"""The result of an analysis, as the JSON that clients get."""

from collections.abc import Callable
from typing import Any

from runner.analysis.count.histogram import rfc3339
from runner.analysis.count.tally import Tally
from runner.analysis.run import AnalysisOptions, AnalysisResult


def to_json(result: AnalysisResult, options: AnalysisOptions) -> dict[str, Any]:
    """Everything that was asked for. Results of patterns are by key, in the given order."""

    def each(value: Callable[[Tally], Any]) -> dict[str, Any]:
        tallies = zip(result.keys, result.partial.tallies, strict=True)
        return {key: value(tally) for key, tally in tallies}

    report: dict[str, Any] = {"counts": each(lambda tally: tally.count)}
    if options.lines:
        report["matching_lines"] = each(lambda tally: tally.matching_lines)
        report["first_line"] = each(lambda tally: tally.first_line)
        report["last_line"] = each(lambda tally: tally.last_line)
        report["lines"] = result.partial.lines
    if options.samples:
        report["samples"] = each(lambda tally: [_shown(line) for line in tally.samples])
    if options.histogram:
        report["histogram"] = each(lambda tally: _histogram(tally, options.histogram))
    return report | {"bytes": result.partial.bytes, "file": _file(result)}


def _file(result: AnalysisResult) -> dict[str, Any]:
    invalid_text = result.facts.invalid_text
    return {
        "format": result.format,
        "stored_bytes": result.stored_bytes,
        "encoding": result.encoding,
        "bom": result.bom,
        "not_text": invalid_text.count,
        "first_not_text": invalid_text.first_offset,
        "time_span": result.time_span and [rfc3339(moment) for moment in result.time_span],
        "seconds": round(result.seconds, 6),
        "bytes_per_second": round(result.partial.bytes / result.seconds),
    }


def _histogram(tally: Tally, unit: str) -> dict[str, Any]:
    histogram = tally.histogram
    return {
        "unit": histogram.unit if histogram else unit,
        "lines": histogram.to_json() if histogram else [],
        "undated_lines": tally.undated,
    }


def _shown(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")
