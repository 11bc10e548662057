"""A file in parts: each is analyzed by whatever process is free, on whichever machine.

    plan ──▶ places to cut ──▶ scan_part, many at once ──▶ JSON ──fold, in order──▶ join ──▶ Found

A cut is moved to the end of its line by those who work on either side of it, so both need nothing
but its place.
"""

from collections.abc import Sequence
from typing import Any

from runner.analysis.count.file_facts import FileFacts
from runner.analysis.count.tally import Partial
from runner.analysis.count.times import LineTimes
from runner.analysis.input.encodings import AS_IT_IS
from runner.analysis.input.formats import format_of
from runner.analysis.input.progress import ThrottledProgress
from runner.analysis.input.stored import Stored, modified_at, size_of
from runner.analysis.match.patterns import Pattern, prepare
from runner.analysis.parallel.cuts import after_newline, may_be_cut
from runner.analysis.parallel.ranges import scan_range
from runner.analysis.plain_json import of_plain, to_plain
from runner.analysis.run import AnalysisOptions, AnalysisResult, Report, detect_encoding, options_of

MOST_PARTS = 400


def plan(
    file: Stored, patterns: Sequence[Pattern], wanted: AnalysisOptions, part_bytes: int
) -> list[tuple[int, int]]:
    """Parts (start, end) of about so many bytes; none where they would not give the same as the
    whole: of a compressed file, one in another encoding, or with a text that spans lines.

    Raises PatternError and OSError.
    """
    size = size_of(file)
    part_bytes = max(part_bytes, -(-size // MOST_PARTS))
    if not may_be_cut(prepare(patterns), size, part_bytes + 1) or format_of(file) is not None:
        return []
    if detect_encoding(file, wanted.encoding)[0] not in AS_IT_IS:
        return []
    return [(start, min(start + part_bytes, size)) for start in range(0, size, part_bytes)]


def scan_part(
    file: Stored,
    part: tuple[int, int],
    patterns: Sequence[Pattern],
    wanted: AnalysisOptions,
    report: Report,
) -> dict[str, Any]:
    """What is found in the lines that belong to a part of `plan`: JSON for `fold`.

    `report` is told of the part alone. Raises OSError and HelperError.
    """
    ready, options = prepare(patterns), options_of(wanted, modified_at(file), len(patterns))
    size = size_of(file)
    start, end = (_line_end(file, cut, size) for cut in part)
    tell = ThrottledProgress(lambda told: report(progress(part, patterns, *told)))
    partial, seen = scan_range(file, (start, end), size, ready, options, tell)
    counts = [tally.count for tally in partial.tallies]
    report(progress(part, patterns, partial.bytes, counts))
    return to_plain(partial, seen)


def progress(
    part: tuple[int, int], patterns: Sequence[Pattern], done: int, counts: Sequence[int]
) -> dict[str, Any]:
    """How far a part is: the sums of all parts are how far the whole is."""
    by_key = dict(zip((each.key for each in patterns), counts, strict=True))
    return {"bytes_done": done, "bytes_total": part[1] - part[0], "counts": by_key}


def fold(
    results: Sequence[dict[str, Any]], wanted: AnalysisOptions, patterns: int
) -> dict[str, Any]:
    """What parts that follow one another have found, as if they were one."""
    lines = options_of(wanted, 0.0, patterns).lines
    samples, max_buckets = (lines.samples, lines.max_buckets) if lines else (0, 0)
    whole, seen = Partial.of(patterns), FileFacts()
    for result in results:
        partial, part_seen = of_plain(result, max_buckets)
        seen.fold(part_seen, whole.bytes)
        whole.fold(partial, partial.tallies, samples)
    return to_plain(whole, seen)


def join(
    file: Stored,
    folded: dict[str, Any],
    patterns: Sequence[Pattern],
    wanted: AnalysisOptions,
    seconds: float,
) -> AnalysisResult:
    """The outcome of the whole, from all parts folded; `seconds` is how long that took."""
    options = options_of(wanted, 0.0, len(patterns))
    partial, seen = of_plain(folded, options.lines.max_buckets if options.lines else 0)
    encoding, bom = detect_encoding(file, wanted.encoding)
    span = seen.span.times(LineTimes(modified_at(file)))
    keys, size = [pattern.key for pattern in patterns], size_of(file)
    return AnalysisResult(keys, partial, seen, "plain", encoding, bom, size, seconds, span)


def _line_end(file: Stored, cut: int, size: int) -> int:
    """The cut moved to the end of the line that it is in."""
    return after_newline(file, cut - 1, size) if cut else 0
