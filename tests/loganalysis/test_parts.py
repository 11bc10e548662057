"""A file analyzed in parts has the same result as the whole file."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loganalysis.match.patterns import Pattern
from loganalysis.read.errors import SourceError
from loganalysis.scan import parts
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json

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


def ignore_progress(reports: dict[str, Any]) -> None:
    """Ignore progress."""


def in_parts(
    file: Path,
    part_bytes: int,
    patterns: Sequence[Pattern],
    options: AnalysisOptions,
    groups: int = 1,
) -> dict[str, Any]:
    """The result from parts, merged in a number of steps that take and return JSON."""
    planned = parts.plan(file, patterns, options, part_bytes)
    found = [
        json.loads(json.dumps(parts.scan_part(file, part, patterns, options, ignore_progress)))
        for part in planned
    ]
    size = -(-len(found) // groups)
    merged: list[dict[str, Any]] = []
    for at in range(0, len(found), size):
        merged = [parts.merge([*merged, *found[at : at + size]], options, len(patterns))]
    return comparable(to_json(parts.finish(file, merged[0], patterns, options, 1.0), options))


def whole(file: Path, patterns: Sequence[Pattern], options: AnalysisOptions) -> dict[str, Any]:
    return comparable(to_json(analyze(file, patterns, options, ignore_progress), options))


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """The result without the values that depend on time."""
    for name in ("seconds", "bytes_per_second", "line_index"):
        del result["file"][name]
    return result


def a_log(seed: int, lines: int) -> bytes:
    chosen, written = random.Random(seed), []
    for _ in range(lines):
        line = chosen.choice(LINES)
        numbers = tuple(chosen.randint(1, 23) for _ in range(line.count(b"%")))
        written.append(line % numbers if numbers else line)
    return b"\n".join(written)


def test_parts_equal_the_whole_on_four_hundred_cuts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(a_log(seed=1, lines=2000))
    size = log.stat().st_size
    expected = whole(log, PATTERNS, ALL)
    assert expected["counts"]["aa"] > 400
    assert expected["file"]["not_text"]
    part_bytes = -(-size // parts.MAX_PARTS)
    planned = parts.plan(log, PATTERNS, ALL, part_bytes)
    assert len(planned) > parts.MAX_PARTS - 10
    assert in_parts(log, part_bytes, PATTERNS, ALL, groups=7) == expected


@pytest.mark.parametrize("part_bytes", range(1, 400))
def test_parts_equal_the_whole_wherever_it_is_cut(tmp_path: Path, part_bytes: int) -> None:
    log = tmp_path / "log"
    log.write_bytes(a_log(seed=part_bytes, lines=90))
    assert in_parts(log, part_bytes, PATTERNS, ALL) == whole(log, PATTERNS, ALL)


@settings(
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text("ab\n", min_size=2, max_size=60), st.integers(1, 20), st.integers(1, 4))
def test_parts_of_any_text_merged_in_any_steps_equal_the_whole(
    tmp_path: Path, text: str, part_bytes: int, groups: int
) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    options = AnalysisOptions(samples=2)
    if parts.plan(log, PATTERNS, options, part_bytes):
        found = in_parts(log, part_bytes, PATTERNS, options, groups)
        assert found == whole(log, PATTERNS, options)
    else:
        assert len(text) <= part_bytes


def test_the_number_of_parts_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_PARTS", 4)
    log = tmp_path / "log"
    log.write_bytes(b"a\n" * 50)
    assert parts.plan(log, PATTERNS, ALL, 10) == [(0, 25), (25, 50), (50, 75), (75, 100)]
    assert parts.plan(log, PATTERNS, ALL, 99) == [(0, 99), (99, 100)]
    assert parts.plan(log, PATTERNS, ALL, 100) == []


@pytest.mark.parametrize(
    ("content", "options", "pattern"),
    [
        (b"\x1f\x8b\x08" + b"a\n" * 50, ALL, "a"),
        (b"a\n" * 50, ALL, "a\na"),
        ("a\n".encode("utf-16") * 50, ALL, "a"),
        (b"a\n" * 50, AnalysisOptions(encoding="cp1252"), "a"),
    ],
    ids=["compressed", "a text that spans lines", "utf-16", "an encoding that is asked for"],
)
def test_a_file_whose_parts_could_differ_stays_whole(
    tmp_path: Path, content: bytes, options: AnalysisOptions, pattern: str
) -> None:
    log = tmp_path / "log"
    log.write_bytes(content)
    assert parts.plan(log, [Pattern(pattern)], options, 10) == []


def test_the_progress_of_all_parts_adds_up_to_the_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a b\n" * 1000)
    reports: list[dict[str, Any]] = []
    planned = parts.plan(log, PATTERNS, ALL, 999)
    for part in planned:
        last: list[dict[str, Any]] = []
        parts.scan_part(log, part, PATTERNS, ALL, last.append)
        reports.append(last[-1])
    for name in ("bytes_done", "bytes_total"):
        assert sum(each[name] for each in reports) == 4000
    assert sum(each["counts"]["a"] for each in reports) == 1000


def test_a_file_that_was_shortened_fails_its_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\n" * 10)
    monkeypatch.setattr(parts, "part_start", lambda file, cut, size, options: cut)
    with pytest.raises(SourceError, match="cut while it was read"):
        parts.scan_part(log, (10, 30), PATTERNS, ALL, ignore_progress)


def test_a_worker_of_the_previous_release_can_merge_what_this_one_has_scanned(
    tmp_path: Path,
) -> None:
    file = tmp_path / "app.log"
    file.write_bytes(a_log(1, 100))
    patterns, whole_file = PATTERNS[:1], (0, file.stat().st_size)
    scanned = parts.scan_part(file, whole_file, patterns, ALL, ignore_progress)
    assert scanned["span"] == ["", "", True]
    assert parts.merge([scanned], ALL, 1)["span"] == ["", "", True]
