"""What was found in a part of a file as JSON, with which another process goes on.

Not pickled: it comes out of a store. Bytes are text with a character for each, as Latin-1 has it.
"""

from typing import Any

from runner.analysis.count.file_facts import FileFacts
from runner.analysis.count.histogram import Histogram, TimeSpan
from runner.analysis.count.tally import Partial, Tally
from runner.analysis.input.utf8 import InvalidText


def to_plain(partial: Partial, seen: FileFacts) -> dict[str, Any]:
    """All of it, as JSON can hold it."""
    return {
        "bytes": partial.bytes,
        "lines": partial.lines,
        "tallies": [_tally(tally) for tally in partial.tallies],
        "span": seen.span.plain(),
        "trouble": [seen.trouble.invalid, seen.trouble.first_invalid],
    }


def of_plain(plain: dict[str, Any], max_buckets: int) -> tuple[Partial, FileFacts]:
    """The same again; `max_buckets` is the bound of each histogram."""
    tallies = [_of_tally(tally, max_buckets) for tally in plain["tallies"]]
    partial = Partial(tallies, plain["bytes"], plain["lines"])
    return partial, FileFacts(TimeSpan.of_plain(plain["span"]), InvalidText(*plain["trouble"]))


def _tally(tally: Tally) -> list[Any]:
    samples = [sample.decode("latin-1") for sample in tally.samples]
    lines = [tally.matching_lines, tally.first_line, tally.last_line]
    histogram = tally.histogram and tally.histogram.plain()
    return [tally.count, *lines, samples, histogram, tally.undated]


def _of_tally(plain: list[Any], max_buckets: int) -> Tally:
    count, matching, first, last, samples, histogram, undated = plain
    as_bytes = [sample.encode("latin-1") for sample in samples]
    found = None if histogram is None else Histogram.of_plain(histogram, max_buckets)
    return Tally(count, matching, first, last, as_bytes, found, undated)
