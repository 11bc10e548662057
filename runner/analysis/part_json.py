"""The result for a part of a file as JSON, which is stored until another process merges it.

It is not pickled, because unpickling data from a store is unsafe. Bytes are stored as text with one
character each (Latin-1).
"""

from typing import Any

from runner.analysis.count.file_facts import FileFacts
from runner.analysis.count.histogram import Histogram, TimeSpan
from runner.analysis.count.tally import Partial, Tally
from runner.analysis.input.invalid_text import InvalidText


def to_part_json(partial: Partial, facts: FileFacts) -> dict[str, Any]:
    """Everything that was found in a part, as JSON."""
    return {
        "bytes": partial.bytes,
        "lines": partial.lines,
        "tallies": [_dump_tally(tally) for tally in partial.tallies],
        "span": facts.time_span.dump(),
        "trouble": [facts.invalid_text.count, facts.invalid_text.first_offset],
    }


def from_part_json(content: dict[str, Any], max_buckets: int) -> tuple[Partial, FileFacts]:
    """The result that `to_part_json` has written. Histograms get `max_buckets` as their bound."""
    tallies = [_load_tally(tally, max_buckets) for tally in content["tallies"]]
    partial = Partial(tallies, content["bytes"], content["lines"])
    return partial, FileFacts(TimeSpan.load(content["span"]), InvalidText(*content["trouble"]))


def _dump_tally(tally: Tally) -> list[Any]:
    samples = [sample.decode("latin-1") for sample in tally.samples]
    lines = [tally.matching_lines, tally.first_line, tally.last_line]
    histogram = tally.histogram and tally.histogram.dump()
    return [tally.count, *lines, samples, histogram, tally.undated]


def _load_tally(content: list[Any], max_buckets: int) -> Tally:
    count, matching, first, last, samples, histogram, undated = content
    as_bytes = [sample.encode("latin-1") for sample in samples]
    loaded = None if histogram is None else Histogram.load(histogram, max_buckets)
    return Tally(count, matching, first, last, as_bytes, loaded, undated)
