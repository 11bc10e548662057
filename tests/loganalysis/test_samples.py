"""Samples that are spread over time, with the lines around them."""

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loganalysis.count import sample_recorder
from loganalysis.count.lines import LineOptions
from loganalysis.count.samples import Cells, PatternSamples, Sample
from loganalysis.count.scanner import ScanOptions
from loganalysis.match.patterns import Pattern
from loganalysis.scan.options import AnalysisOptions
from loganalysis.times.c_timeline import TimelineOptions, TimeRules
from loganalysis.times.histogram import rfc3339
from tests.loganalysis.test_line_times import REFERENCE
from tests.loganalysis.test_timeline import PATTERNS, a_log, lines_of, quick, seconds
from tests.support.loganalysis.in_ranges import in_ranges, whole
from tests.support.loganalysis.oracle import scan, scan_mapped

MASK = (1 << 64) - 1


def hash_of(offset: int) -> int:
    """splitmix64 of an offset."""
    number = (offset + 0x9E3779B97F4A7C15) & MASK
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & MASK
    return number ^ number >> 31


def expected_kept(data: bytes, text: bytes, cells: int, samples: int, context: int) -> Any:
    """The expected samples of lines with a text: cells with and without a time, hashes, lines."""
    lines, at, offset = lines_of(data), seconds(data), 0
    places: list[tuple[int, int, int]] = []  # offset of the match, second, number of the line
    for number, line in enumerate(lines):
        if (position := line.find(text)) >= 0:
            places.append((offset + position, at[number], number))
        offset += len(line)
    rows = []
    for dated in (True, False):
        found = [(s if dated else o, hash_of(o)) for o, s, _ in places if (s >= 0) is dated]
        shift = 0
        while found and (max(found)[0] >> shift) - (min(found)[0] >> shift) >= cells:
            shift += 1
        row: dict[int, tuple[int, int]] = {}
        for key, hashed in found:
            best, count = row.get(key >> shift, (hashed, 0))
            row[key >> shift] = (min(best, hashed), count + 1)
        rows.append(Cells(shift, row))
    least = sorted(hash_of(o) for o, _, _ in places)[:samples]
    needed = {*least, *(least for row in rows for least, _ in row.cells.values())}
    heads = [line.removesuffix(b"\n") for line in lines]
    kept = {
        hash_of(o): Sample(
            *(number + 1, s if s >= 0 else None, heads[number]),
            *(heads[max(number - context, 0) : number], heads[number + 1 : number + 1 + context]),
        )
        for o, s, number in places
        if hash_of(o) in needed
    }
    return PatternSamples(rows[0], rows[1], least, kept)


@pytest.mark.heavy
@quick
@given(
    seed=st.integers(0, 10**6),
    span=st.sampled_from([10, 2000, 90_000, 3_000_000_000]),
    size=st.integers(1000, 1300),
    piece=st.integers(50, 900),
    cells=st.sampled_from([2, 8, 64]),
    samples=st.integers(1, 20),
    context=st.integers(0, 5),
)
def test_the_kept_lines_are_exact_in_any_windows(
    seed: int, span: int, size: int, piece: int, cells: int, samples: int, context: int
) -> None:
    data = a_log(random.Random(seed), 120, span)
    times = TimelineOptions(
        TimeRules(REFERENCE), samples=samples, sample_cells=cells, context=context
    )
    options = ScanOptions(LineOptions(), size, size, timeline=times)
    patterns = [Pattern("a"), Pattern("c\nd"), Pattern("b", regex=True)]
    for found in (scan(data, patterns, options, [piece]), scan_mapped(data, patterns, options)):
        assert found.samples
        for pattern, text in ((0, b"a"), (2, b"b")):
            kept = found.samples.patterns[pattern]
            assert kept == expected_kept(data, text, cells, samples, context)
        (spanning,) = (each for n, each in enumerate(found.samples.patterns) if n == 1)
        lines = [line.removesuffix(b"\n") for line in lines_of(data)]
        for sample in spanning.lines.values():
            number = sample.line - 1
            assert lines[number].endswith(b"c")
            assert sample.text == lines[number]
            assert sample.before == lines[max(number - context, 0) : number]
            assert sample.after == lines[number + 1 : number + 1 + context]


@pytest.mark.parametrize("range_bytes", [1, 20, 37, 111, 500, 900])
@pytest.mark.parametrize("context", [None, 0, 1, 5])
def test_ranges_equal_the_whole(tmp_path: Path, range_bytes: int, context: int | None) -> None:
    log, patterns = tmp_path / "log", PATTERNS[:-2]
    log.write_bytes(a_log(random.Random(range_bytes), 90, 20_000))
    options = AnalysisOptions(samples=4, timeline=context is None, context=context)
    expected = whole(log, patterns, options)
    assert in_ranges(log, range_bytes, patterns, options) == expected
    assert [len(each) for each in expected["samples"].values()] == [4] * 4


def samples_of(log: Path, samples: int, context: int | None = 1) -> list[Any]:
    options = AnalysisOptions(samples=samples, context=context)
    result = whole(log, [Pattern("ERROR")], options)["samples"]["ERROR"]
    assert isinstance(result, list)
    return result


def test_samples_come_from_the_whole_day_and_from_its_burst(tmp_path: Path) -> None:
    lines: list[tuple[float, str]] = [(second, "ERROR") for second in range(0, 86_400, 60)]
    lines += [(47_520 + number * 0.3, "ERROR burst") for number in range(3000)]
    lines += [(second, "ok") for second in range(0, 86_400, 5)]
    first = 1_795_564_800
    text = "".join(f"{rfc3339(first + second)} {text}\n" for second, text in sorted(lines))
    (log := tmp_path / "log").write_text(text)
    found = samples_of(log, 8)
    hours = [int(each["time"][11:13]) for each in found]
    assert sum("burst" in each["text"] for each in found) >= 1
    assert hours[0] < 4
    assert hours[-1] > 20
    assert max(b - a for a, b in pairwise(hours)) <= 6
    all_lines = text.splitlines()
    for each in found:
        number = each["line"] - 1
        assert each["text"] == all_lines[number]
        assert each["before"] == all_lines[max(number - 1, 0) : number]
        assert each["after"] == all_lines[number + 1 : number + 2]


def test_a_single_sample_is_from_the_largest_burst() -> None:
    counts = dict.fromkeys(range(40), 1) | {22: 500, 23: 900, 31: 700}
    lines = {number: Sample(number, number, b"") for number in range(40)}
    kept = PatternSamples(Cells(0, {n: (n, count) for n, count in counts.items()}), lines=lines)
    assert [each.line for each in kept.choose(1)] == [23]
    assert [each.line for each in kept.choose(3)] == [0, 23, 31]
    assert [each.line for each in kept.choose(5)] == [0, 11, 23, 31, 39]


def test_there_are_as_many_samples_as_lines_even_within_one_second(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_bytes(b"2026-11-25T01:02:03Z ERROR\n" * 30)
    assert len(samples_of(log, 20)) == 20
    log.write_bytes(b"ERROR\n" * 30)
    assert len(samples_of(log, 20)) == 20
    log.write_bytes(b"ERROR\n" * 3)
    found = samples_of(log, 20)
    assert [each["line"] for each in found] == [1, 2, 3]
    assert [each["time"] for each in found] == [None] * 3


def test_a_sample_without_a_time_has_that_of_the_line_before(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_bytes(b"2026-11-25T01:02:03.5Z x\n  ERROR\n")
    (found,) = samples_of(log, 1)
    assert (found["line"], found["time"]) == (2, "2026-11-25T01:02:03.000Z")
    (log := tmp_path / "log").write_bytes(b"2026-11-25T01:02:03.5Z ERROR\n")
    assert samples_of(log, 1)[0]["time"] == "2026-11-25T01:02:03.500Z"


def test_long_lines_around_a_sample_are_cut(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_bytes(b"x" * 3_000_000 + b"\nERROR" + b"y" * 2000 + b"\nz")
    (found,) = samples_of(log, 1)
    assert found["before"] == ["x" * sample_recorder.CONTEXT_BYTES]
    assert (len(found["text"]), found["after"]) == (1000, ["z"])


def test_samples_with_a_timeline_and_without_context_are_texts(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_bytes(b"2026-11-25T01:02:03Z ERROR\n" * 3)
    options = AnalysisOptions(samples=2, timeline=True)
    result = whole(log, [Pattern("ERROR")], options)
    assert result["samples"]["ERROR"] == ["2026-11-25T01:02:03Z ERROR"] * 2
