"""A file that is scanned in ranges has the same result as the whole file, wherever it is cut."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loganalysis.match.patterns import Pattern
from loganalysis.scan.options import AnalysisOptions
from tests.support.loganalysis.in_ranges import in_ranges, whole

PATTERNS = [
    Pattern("a"),
    Pattern("aa"),
    Pattern("A", ignore_case=True),
    Pattern("b+a", regex=True),
    Pattern("a\n", name="at the end"),
    Pattern("never"),
]
ALL = AnalysisOptions(samples=3, histogram="minute")
LINES = (
    b"2024-05-01T12:%02d:%02dZ aab",
    b"bba \xff no text",
    b"",
    b"baaaaaaaaaaaaaaaaaaa",
    "ä".encode() * 9,
    b"2024-05-%02dT%02d:00:00Z a",
)


def a_log(seed: int, lines: int) -> bytes:
    chosen, written = random.Random(seed), []
    for _ in range(lines):
        line = chosen.choice(LINES)
        numbers = tuple(chosen.randint(1, 23) for _ in range(line.count(b"%")))
        written.append(line % numbers if numbers else line)
    return b"\n".join(written)


def test_ranges_equal_the_whole_on_four_hundred_cuts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(a_log(seed=1, lines=2000))
    expected = whole(log, PATTERNS, ALL)
    assert expected["counts"]["aa"] > 400
    assert expected["file"]["not_text"]
    assert in_ranges(log, log.stat().st_size // 400, PATTERNS, ALL) == expected


@pytest.mark.heavy
@pytest.mark.parametrize("first", range(1, 400, 40))
def test_ranges_equal_the_whole_wherever_it_is_cut(tmp_path: Path, first: int) -> None:
    for range_bytes in range(first, first + 40):
        log = tmp_path / "log"
        log.write_bytes(a_log(seed=range_bytes, lines=90))
        assert in_ranges(log, range_bytes, PATTERNS, ALL) == whole(log, PATTERNS, ALL)


@settings(
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text("ab\n", min_size=2, max_size=60), st.integers(1, 20))
def test_ranges_of_any_text_equal_the_whole(tmp_path: Path, text: str, range_bytes: int) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    options = AnalysisOptions(samples=2)
    assert in_ranges(log, range_bytes, PATTERNS, options) == whole(log, PATTERNS, options)
