"""The result for a part of a file as JSON, which is stored until another process merges it.

It is not pickled, because unpickling data from a store is unsafe. Bytes are stored as text with one
character each (Latin-1).
"""

from typing import Any

from runner.analysis.count.file_facts import FileFacts
from runner.analysis.count.histogram import Histogram, TimeSpan
from runner.analysis.count.pattern_result import PartialResult, PatternResult
from runner.analysis.input.invalid_text import InvalidText


def to_part_json(partial: PartialResult, facts: FileFacts) -> dict[str, Any]:
    """Everything that was found in a part, as JSON."""
    return {
        "bytes": partial.bytes,
        "lines": partial.lines,
        "tallies": [_dump_result(result) for result in partial.results],
        "span": facts.time_span.dump(),
        "trouble": [facts.invalid_text.count, facts.invalid_text.first_offset],
    }


def from_part_json(content: dict[str, Any], max_buckets: int) -> tuple[PartialResult, FileFacts]:
    """The result that `to_part_json` has written. Histograms get `max_buckets` as their bound."""
    results = [_load_result(result, max_buckets) for result in content["tallies"]]
    partial = PartialResult(results, content["bytes"], content["lines"])
    return partial, FileFacts(TimeSpan.load(content["span"]), InvalidText(*content["trouble"]))


def _dump_result(result: PatternResult) -> list[Any]:
    samples = [sample.decode("latin-1") for sample in result.samples]
    lines = [result.matching_lines, result.first_line, result.last_line]
    histogram = result.histogram and result.histogram.dump()
    return [result.count, *lines, samples, histogram, result.undated]


def _load_result(content: list[Any], max_buckets: int) -> PatternResult:
    count, matching, first, last, samples, histogram, undated = content
    as_bytes = [sample.encode("latin-1") for sample in samples]
    loaded = None if histogram is None else Histogram.load(histogram, max_buckets)
    return PatternResult(count, matching, first, last, as_bytes, loaded, undated)
