"""Only lines from one time on, and before another, count."""

import gzip
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loganalysis import AnalysisRequest
from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import ScanOptions
from loganalysis.match.patterns import Pattern
from loganalysis.scan.options import AnalysisOptions
from loganalysis.times.c_timeline import TimelineOptions, TimeRules
from loganalysis.times.time_limits import TimeLimit, TimeLimits
from server.api.analyses.lines_query import LinesQuery
from tests.loganalysis.test_line_times import REFERENCE
from tests.loganalysis.test_timeline import PATTERNS, a_log, lines_of, quick, seconds
from tests.support.loganalysis.in_ranges import in_ranges, whole
from tests.support.loganalysis.oracle import scan, scan_mapped

FIRST = 1_795_000_000
"""About when the logs begin."""


def expected(data: bytes, pattern: Pattern, since: int, until: int) -> list[Any]:
    """Count, lines, first and last line, where each block of selected lines is text of its own."""
    lines, at = lines_of(data), seconds(data)
    count, numbers, number = 0, [], 0
    text = pattern.text.encode() if pattern.regex else re.escape(pattern.text.encode())
    flags = re.IGNORECASE if pattern.ignore_case else 0
    regex = re.compile(rb"\b%b\b" % text if pattern.word else text, flags)
    while number < len(lines):
        end = number
        while end < len(lines) and at[end] >= 0 and since <= at[end] < until:
            end += 1
        block = b"".join(lines[number:end])
        starts = [each.start() for each in regex.finditer(block)]
        count += len(starts)
        numbers += [number + 1 + block.count(b"\n", 0, start) for start in starts]
        number = max(end, number + 1)
    found = sorted(set(numbers))
    return [count, len(found), found[0] if found else None, found[-1] if found else None]


@pytest.mark.heavy
@quick
@given(
    seed=st.integers(0, 10**6),
    span=st.sampled_from([10, 200, 90_000]),
    size=st.integers(1000, 1300),
    piece=st.integers(50, 900),
    limits=st.tuples(st.floats(-0.1, 1), st.floats(0, 1.1)),
)
def test_only_selected_lines_count_in_any_windows(
    seed: int, span: int, size: int, piece: int, limits: tuple[float, float]
) -> None:
    data = a_log(random.Random(seed), 150, span)
    since, until = (FIRST + int(each * span * 0.4) for each in limits)
    times = TimelineOptions(TimeRules(REFERENCE), since=since, until=until)
    options = ScanOptions(LineOptions(samples=2), size, size, timeline=times)
    selected = sum(0 <= since <= second < until for second in seconds(data))
    for found in (scan(data, PATTERNS, options, [piece]), scan_mapped(data, PATTERNS, options)):
        for pattern, result in zip(PATTERNS, found.results, strict=True):
            numbers = [result.count, result.matching_lines, result.first_line, result.last_line]
            assert numbers == expected(data, pattern, since, until), pattern
        assert found.lines == len(lines_of(data))
        assert found.timeline
        assert found.timeline.lines == selected == sum(found.timeline.rows[0])


def limited(since: str | None, until: str | None, **options: Any) -> AnalysisOptions:
    given = (None if each is None else TimeLimit.parse(each) for each in (since, until))
    return AnalysisOptions(limits=TimeLimits(*given), **options)


LIMITS = [
    ("-1h", None),
    (None, "-1h"),
    ("2026-11-18T20:26:40Z", "2026-11-18T21:30:00Z"),
    ("-2d", "-30m"),
    ("-9s", None),
]


@pytest.mark.parametrize("range_bytes", [1, 37, 111, 500])
@pytest.mark.parametrize("limits", LIMITS)
def test_ranges_equal_the_whole(
    tmp_path: Path, range_bytes: int, limits: tuple[str | None, str | None]
) -> None:
    log, patterns = tmp_path / "log", PATTERNS[:-2]
    log.write_bytes(a_log(random.Random(range_bytes), 80, 20_000))
    options = limited(*limits, timeline=True)
    expected_result = whole(log, patterns, options)
    assert in_ranges(log, range_bytes, patterns, options) == expected_result


LOG = b"""\
before any time a
2026-11-25 10:00:00 a
2026-11-25 11:00:00.5 a
   of the line before a
2026-11-25 12:00:00 a
2026-11-25 12:30:00 b
2026-11-25 12:59:59.9 a
"""


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, lambda data: data.decode().encode("utf-16")]
)
@pytest.mark.parametrize(
    ("since", "until", "lines", "count", "first", "last"),
    [
        ("2026-11-25T11:00:00Z", None, 5, 4, 3, 7),
        ("2026-11-25T12:00:00+01:00", "2026-11-25T12:00:00Z", 2, 2, 3, 4),
        (None, "2026-11-25T11:00:00Z", 1, 1, 2, 2),
        ("-1h", None, 3, 2, 5, 7),
        ("-59m", "-10m", 1, 0, None, None),
        ("-1d", "-7198s", 3, 3, 2, 4),
        ("2027-01-01T00:00:00Z", None, 0, 0, None, None),
    ],
)
def test_lines_are_selected_in_files_of_every_kind(
    tmp_path: Path,
    compress: Any,
    since: str | None,
    until: str | None,
    lines: int,
    count: int,
    first: int | None,
    last: int | None,
) -> None:
    (log := tmp_path / "log").write_bytes(compress(LOG))
    result = whole(log, [Pattern("a")], limited(since, until))
    assert (result["selected"]["lines"], result["counts"]["a"]) == (lines, count)
    assert (result["first_line"]["a"], result["last_line"]["a"]) == (first, last)
    assert result["lines"] == 7
    assert "timeline" not in result
    assert bool(result["warnings"]) is (lines == 0)


def test_the_result_names_the_times_of_relative_limits(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_bytes(LOG)
    selected = whole(log, [Pattern("a")], limited("-1h", None))["selected"]
    assert (selected["from"], selected["until"]) == ("2026-11-25T11:59:59.000Z", None)


def test_no_line_of_a_file_without_times_is_selected(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_bytes(b"a\na\n")
    for limits in (limited("-1h", None), limited(None, "2027-01-01T00:00:00Z")):
        result = whole(log, [Pattern("a")], limits)
        assert (result["counts"]["a"], result["selected"]["lines"], result["lines"]) == (0, 0, 2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1h", "it must be a time with a zone"),
        ("-1w", "it must be a time with a zone"),
        ("-1.5h", "it must be a time with a zone"),
        ("now", "it must be a time with a zone"),
        ("2026-11-25T13:00:00", "no time zone"),
        ("2026-11-31T13:00:00Z", "it must be a time with a zone"),
        ("", "it must be a time with a zone"),
        ("2026-W48-3", "no time zone"),
        ("2026-11-25T24:00:00Z", "it must be a time with a zone"),
        ("2026-11-25T13:00:00+01:60", "it must be a time with a zone"),
        ("2026-11-25T13:00:60Z", "this leap second does not exist"),
        ("2026-11-25T13:00:00 01:00", "space before its offset"),
        ("\u0662026-11-25T13:00:00Z", "it must be a time with a zone"),
    ],
)
def test_other_texts_are_no_times(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        TimeLimit.parse(text)


NOON = 1_795_608_000.0
ACCEPTED = {
    "2026-11-25T12:00:00Z": NOON,
    "2026-11-25t12:00:00z": NOON,
    "2026-11-25 12:00:00Z": NOON,
    "2026-11-25T12:00Z": NOON,
    "20261125T120000Z": NOON,
    "2026-11-25T13:30:00+01:30": NOON,
    "2026-11-25T13:30:00+0130": NOON,
    "2026-11-25T12:00:00.250Z": NOON + 0.25,
    "2026-11-25T12:00:00,250Z": NOON + 0.25,
    "2026-11-25": NOON - 43_200,
    "2016-12-31T23:59:60Z": 1_483_228_800.0,
    "0001-01-01T00:00:00+05:00": -62_135_614_800.0,
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_analyses_and_lines_read_the_same_times(text: str) -> None:
    expected = TimeLimit(ACCEPTED[text])
    assert TimeLimit.parse(text) == expected
    assert LinesQuery.model_validate({"from": text}).question()["start"] == (ACCEPTED[text], False)
    assert AnalysisRequest.model_validate({"patterns": ["a"], "from": text}).since == text


@pytest.mark.parametrize("text", ["-90s", "-30m", "-1h", "-2d"])
def test_analyses_and_lines_read_the_same_relative_times(text: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[text[-1]] * int(text[1:-1])
    assert TimeLimit.parse(text) == TimeLimit(seconds, True)
    assert LinesQuery.model_validate({"to": text}).question()["end"] == (seconds, True)


@pytest.mark.parametrize("text", ["now", "1h", "-1w", "2026-11-25T12:00:00", "2026-11-25T24:00Z"])
def test_analyses_and_lines_refuse_the_same_texts(text: str) -> None:
    with pytest.raises(ValueError, match=r"it must be|no time zone"):
        LinesQuery.model_validate({"from": text})
    with pytest.raises(ValueError, match=r"it must be|no time zone"):
        AnalysisRequest.model_validate({"patterns": ["a"], "from": text})
