"""Lines over time on one axis: the kernel reads times as Python does, and counts are exact."""

import random
import re
from array import array
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import ScanOptions
from loganalysis.match import c_scanner
from loganalysis.match.patterns import Pattern
from loganalysis.read.window import LINE_HEAD_BYTES
from loganalysis.scan.options import AnalysisOptions
from loganalysis.times.axis import BINS, MAX_BINS
from loganalysis.times.c_timeline import (
    NO_TIME,
    TimelineKernel,
    TimelineOptions,
    TimeRules,
    next_dated_line,
)
from loganalysis.times.histogram import rfc3339
from loganalysis.times.line_times import LineTimes
from loganalysis.times.timeline import CELLS, WIDTHS, Timeline, width_for
from tests.loganalysis import test_line_times
from tests.loganalysis.test_line_times import REFERENCE, line_starts
from tests.support.loganalysis.axis import plain_core
from tests.support.loganalysis.in_ranges import in_ranges, whole
from tests.support.loganalysis.kernel import VECTORS
from tests.support.loganalysis.oracle import scan, scan_mapped

quick = settings(
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PATTERNS = [
    Pattern("a"),
    Pattern("b"),
    Pattern("b+a", regex=True),
    Pattern("a", word=True, name="word"),
    Pattern("c\nd"),
    Pattern("c\n1", ignore_case=True),
]
AUTO = AnalysisOptions(timeline=True)
_READ = (
    test_line_times.test_the_usual_formats_are_read,
    test_line_times.test_fractions_of_a_second_are_read,
    test_line_times.test_lines_without_a_valid_time_have_none,
)
ONE_PER_FORMAT: list[bytes] = [
    line for test in _READ for line in vars(test)["pytestmark"][0].args[1]
]
"""Lines with times and without, from the tests of the plain implementation."""


def lines_of(data: bytes) -> list[bytes]:
    """The lines with their newlines. Only the last line can have none."""
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", data)


def own_seconds(data: bytes, reference: float = REFERENCE) -> list[int | None]:
    """The second of each line by the plain implementation; None if it has no time."""
    times = LineTimes(reference)
    heads = (line.removesuffix(b"\n")[:LINE_HEAD_BYTES] for line in lines_of(data))
    return [None if (second := times.second_of(head)) is None else int(second) for head in heads]


def seconds(data: bytes, reference: float = REFERENCE) -> list[int]:
    """The second of each line. A line without a time takes the second of the line before, or -1."""
    found, last = [], -1
    for own in own_seconds(data, reference):
        last = last if own is None else own
        found.append(last)
    return found


def seconds_of_kernel(data: bytes, reference: float = REFERENCE) -> list[int]:
    options = TimelineOptions(TimeRules(reference))
    times, offset, found = TimelineKernel(options, 0, len(data)), 0, []
    times.read(memoryview(bytearray(data)), 0, 0, len(data), False)
    for line in lines_of(data):
        found.append(times.second_at(offset))
        offset += len(line)
    return found


def expected_timeline(data: bytes, reference: float = REFERENCE) -> dict[str, Any]:
    """The timeline of PATTERNS, counted in all data at once."""
    lines, at = lines_of(data), seconds(data, reference)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    matching: dict[str, set[int]] = {}
    for pattern in PATTERNS:
        text = pattern.text.encode() if pattern.regex else re.escape(pattern.text.encode())
        text = rb"\b%b\b" % text if pattern.word else text
        found = re.finditer(text, data, re.IGNORECASE if pattern.ignore_case else 0)
        matching[pattern.key] = {bisect_right(starts, each.start()) - 1 for each in found}
    dated = [second for second in at if second >= 0]
    undated = len(at) - len(dated)
    if not dated:
        axis: dict[str, Any] = {"start": None, "bin_seconds": None, "bins": 0, "total": []}
        return {**axis, "patterns": {key: [] for key in matching}, "undated": undated}
    start, end = plain_core(dated)
    width = next(w for w in BINS if end // w - start // w < MAX_BINS)
    first, bins = start // width, end // width - start // width + 1
    before = sum(second // width < first for second in dated)
    after = sum(second // width >= first + bins for second in dated)

    def counted(chosen: list[int] | set[int]) -> list[int]:
        cells = [at[line] // width - first for line in chosen if at[line] >= 0]
        return [cells.count(each) for each in range(bins)]

    return {
        "start": rfc3339(first * width),
        "bin_seconds": width,
        "bins": bins,
        "total": counted(list(range(len(at)))),
        "patterns": {key: counted(chosen) for key, chosen in matching.items()},
        "undated": undated,
        **({"before": before, "after": after} if before or after else {}),
    }


def a_log(chance: random.Random, lines: int, span: int, wrong: float = 0.0) -> bytes:
    """Lines with times in a span of seconds, mostly in order; a third of them without a time.

    A share of `wrong` has a time of any year.
    """
    right, written = 1_795_000_000.0, []
    for _ in range(lines):
        right += chance.uniform(-0.2, 1) * span / lines
        second = chance.uniform(0, 4e9) if chance.random() < wrong else right
        text = chance.choice(["a", "b", "ba bba", "x", "c", "d", "", "a" * 50])
        kind = chance.randrange(6)
        moment = rfc3339(second)
        start = (moment[:19], f"[{moment}]", f"{second:.0f}", "  at", "", f"<34>{moment}")[kind]
        written.append((f"{start} {text}" if start else text).encode())
    return b"\n".join(written)


def test_the_kernel_reads_each_format_as_python_does() -> None:
    for line in ONE_PER_FORMAT:
        assert seconds_of_kernel(line) == seconds(line), line


def test_the_kernel_knows_all_levels_as_python_does() -> None:
    names = (
        "trace debug info information notice warn warning err error crit critical alert emerg fatal"
        " severe panic verbose t d i w e f v c"
    )
    for name in names.split():
        for word in (name, name.upper(), f"{name}s", f"x{name}", name[:-1], f"{name}ormation"):
            line = f"[{word}] 2026-11-25T01:02:03Z x".encode()
            assert seconds_of_kernel(line) == seconds(line), word


@pytest.mark.parametrize("filler", [b"a", b"[", b"Z", b"\\", b"\xdb"])
def test_the_kernel_finds_a_bracket_at_each_place(filler: bytes) -> None:
    for size in range(20):
        line = b"GET " + filler * size + b"[25/Nov/2026:01:02:03 +0000]"
        assert seconds_of_kernel(line) == seconds(line) != [NO_TIME], size


@quick
@given(st.data())
def test_the_kernel_reads_damaged_times_as_python_does(given_: st.DataObject) -> None:
    lines = []
    for _ in range(given_.draw(st.integers(1, 4))):
        line = given_.draw(st.one_of(st.sampled_from(ONE_PER_FORMAT), line_starts))
        at = given_.draw(st.integers(0, len(line)))
        cut = given_.draw(st.integers(0, 2))
        inserted = given_.draw(st.one_of(line_starts, st.binary(max_size=3)))
        lines.append(line[:at] + inserted + line[at + cut :])
    data = b"\n".join(lines)
    assert seconds_of_kernel(data) == seconds(data)


@quick
@given(st.lists(line_starts, max_size=8).map(b"\n".join), st.floats(0, 4e9))
def test_times_without_a_year_depend_on_the_reference_as_in_python(
    data: bytes, reference: float
) -> None:
    assert seconds_of_kernel(data, reference) == seconds(data, reference)


@pytest.mark.parametrize("before", [199, 227, 228, 229, 255, 256, 970, 985, 990, 1000, 1100])
@pytest.mark.parametrize("start", [b" ", b"{", b"1"])
def test_a_time_far_behind_the_start_is_read_up_to_the_same_byte(before: int, start: bytes) -> None:
    for time in (b"[25/Nov/2026:01:02:03 +0000]", b'"time":"2026-11-25T01:02:03Z"'):
        line = start + b" " * (before - 1) + time
        assert seconds_of_kernel(line) == seconds(line)


@pytest.mark.heavy
@pytest.mark.parametrize("vectors", VECTORS)
@quick
@given(
    seed=st.integers(0, 10**6),
    span=st.sampled_from([1, 10, 200, 2000, 90_000, 10_000_000, 3_000_000_000]),
    wrong=st.sampled_from([0, 0.01, 0.1]),
    size=st.integers(1000, 1300),
    piece=st.integers(50, 900),
)
def test_a_timeline_is_exact_in_any_windows(
    vectors: int, seed: int, span: int, wrong: float, size: int, piece: int
) -> None:
    data = a_log(random.Random(seed), 120, span, wrong)
    options = ScanOptions(LineOptions(), size, size, timeline=TimelineOptions(TimeRules(REFERENCE)))
    keys, expected = [each.key for each in PATTERNS], expected_timeline(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_scanner, "_vectors", lambda: vectors)
        found = [scan(data, PATTERNS, options, [piece]), scan_mapped(data, PATTERNS, options)]
    for each in found:
        assert each.timeline
        assert each.timeline.to_json(keys, each.timeline.axis()) == expected
        assert each.timeline.lines == each.lines == len(lines_of(data))


@pytest.mark.parametrize("range_bytes", [*range(1, 120), 300, 1000])
def test_ranges_equal_the_whole_wherever_the_file_is_cut(tmp_path: Path, range_bytes: int) -> None:
    log, chance = tmp_path / "log", random.Random(range_bytes)
    wrong = chance.choice([0, 0.02])
    log.write_bytes(a_log(chance, 40, chance.choice([5, 3000, 9_000_000]), wrong))
    patterns = PATTERNS[:-2]  # without the texts that span lines
    assert in_ranges(log, range_bytes, patterns, AUTO) == whole(log, patterns, AUTO)


def test_a_range_begins_at_a_line_with_a_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    data = b"x\n2026-11-25 01:02:03 a\n at b\n\n" + b" y" * 200_000 + b"\n1795568523 c\nlast"
    log.write_bytes(data)
    second, third = data.index(b"2026"), data.index(b"1795568523")
    rules = TimeRules(REFERENCE)
    cuts = (1, second, second + 1, third, third + 1, len(data))
    found = [next_dated_line(log, cut, len(data), rules) for cut in cuts]
    assert found == [second, second, third, third, len(data), len(data)]


def test_a_file_without_times_has_no_bins(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\n" * 50)
    timeline = whole(log, PATTERNS[:1], AUTO)["timeline"]
    assert (timeline["bins"], timeline["total"], timeline["undated"]) == (0, [], 50)


def test_merged_parts_have_no_more_cells_than_one() -> None:
    whole, first = Timeline.of(0), 1_700_000_000
    whole.merge(counted(1, *range(first, first + 600)))
    whole.merge(counted(1, *range(first + 500, first + CELLS)))
    assert (whole.width, len(whole.cells)) == (1, CELLS)
    whole.merge(counted(1, first + CELLS))
    assert (whole.width, len(whole.cells)) == (5, 205)
    assert sum(whole.rows[0]) == CELLS + 101


def test_an_analysis_without_patterns_has_a_timeline(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"2026-11-25T01:02:03Z a\n2026-11-25T01:02:05Z a\n")
    assert whole(log, [], AUTO)["timeline"]["total"] == [1, 0, 1]


def test_patterns_are_on_the_axis_of_an_overview(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"2026-11-25T01:02:03Z ERROR a\n2026-11-25T01:02:05Z INFO b\n")
    timeline = whole(log, PATTERNS[:1], AnalysisOptions(timeline=True, overview=True))["timeline"]
    assert timeline["patterns"] == {"a": [1, 0, 0]}
    assert timeline["levels"]["INFO"] == [0, 0, 1]


@quick
@given(st.integers(0, 7_258_118_399), st.integers(0, 7_258_118_399))
def test_any_span_has_between_50_and_200_bins_if_it_has_that_many_seconds(
    one: int, other: int
) -> None:
    first, last = sorted((one, other))
    width = width_for(first, last)
    timeline = counted(width, *{first // width, last // width})
    found = timeline.to_json([], timeline.axis())
    assert found["bin_seconds"] % width == 0
    assert min(50, last - first + 1) <= found["bins"] <= MAX_BINS
    assert sum(found["total"]) == (1 if first // width == last // width else 2)
    assert found["total"][0]
    assert found["total"][-1]


def counted(width: int, *cells: int) -> Timeline:
    """A timeline with a line in each of these cells."""
    return Timeline(width, array("q", sorted(cells)), [array("q", [1] * len(cells))], [0])


@pytest.mark.parametrize(("width", "next_width"), [*pairwise(WIDTHS[:-2])])
def test_the_kernel_changes_to_the_width_that_the_lines_need(width: int, next_width: int) -> None:
    assert next_width % width == 0
    first = 1_080_000_000 // next_width * next_width
    for cells, expected in ((CELLS, width), (CELLS + 1, next_width)):
        seconds = [first + number * width + at for number in range(cells) for at in (0, width - 1)]
        random.Random(cells).shuffle(seconds)
        options = ScanOptions(timeline=TimelineOptions(TimeRules(REFERENCE)))
        timeline = scan(b"\n".join(b"%d" % each for each in seconds), [], options).timeline
        assert timeline
        assert timeline.width == width_for(min(seconds), max(seconds)) == expected
        assert sum(timeline.rows[0]) == 2 * cells
        assert list(timeline.cells) == sorted({each // expected for each in seconds})


def test_memory_for_times_is_enough_for_the_shortest_lines() -> None:
    data = b"".join(b"%d\n" % (1_700_000_000 + number % 7) for number in range(5000))
    for size in (1000, 1100, 20_000):
        options = ScanOptions(
            LineOptions(), size, size, timeline=TimelineOptions(TimeRules(REFERENCE))
        )
        found = scan(data, [Pattern("\n1")], options)
        assert found.timeline
        assert sum(found.timeline.rows[0]) == 5000
