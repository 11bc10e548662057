"""What was found in a file, as JSON."""

from collections.abc import Callable
from typing import Any

from runner.analysis.count.histogram import rfc3339
from runner.analysis.count.tally import Tally
from runner.analysis.run import AnalysisOptions, AnalysisResult


def to_json(found: AnalysisResult, wanted: AnalysisOptions) -> dict[str, Any]:
    """All that was asked for; what is told of each pattern is by its key, in the given order."""

    def each(value: Callable[[Tally], Any]) -> dict[str, Any]:
        tallies = zip(found.keys, found.partial.tallies, strict=True)
        return {key: value(tally) for key, tally in tallies}

    result: dict[str, Any] = {"counts": each(lambda tally: tally.count)}
    if wanted.lines:
        result["matching_lines"] = each(lambda tally: tally.matching_lines)
        result["first_line"] = each(lambda tally: tally.first_line)
        result["last_line"] = each(lambda tally: tally.last_line)
        result["lines"] = found.partial.lines
    if wanted.samples:
        result["samples"] = each(lambda tally: [_shown(line) for line in tally.samples])
    if wanted.histogram:
        result["histogram"] = each(lambda tally: _histogram(tally, wanted.histogram))
    return result | {"bytes": found.partial.bytes, "file": _file(found)}


def _file(found: AnalysisResult) -> dict[str, Any]:
    trouble = found.seen.trouble
    return {
        "format": found.format,
        "stored_bytes": found.stored_bytes,
        "encoding": found.encoding,
        "bom": found.bom,
        "not_text": trouble.invalid,
        "first_not_text": trouble.first_invalid,
        "time_span": found.time_span and [rfc3339(moment) for moment in found.time_span],
        "seconds": round(found.seconds, 6),
        "bytes_per_second": round(found.partial.bytes / found.seconds),
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
