"""Lines without a year get it from the dated lines of their file, or else from its time."""

import gzip
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.analysis import ranges
from runner.analysis.count.reference import reference_of
from runner.analysis.index.line_clock import LineClock
from runner.analysis.index.stream import TextFile
from runner.analysis.match.patterns import Pattern
from runner.analysis.options import AnalysisOptions
from runner.analysis.report import to_json
from runner.analysis.run import analyze
from tests.analysis.test_parts import comparable, ignore_progress, in_parts, whole

UPLOADED = datetime(2026, 11, 29, tzinfo=UTC).timestamp()
FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%b %d %H:%M:%S h", "I%m%d %H:%M:%S.1")
BOTH = AnalysisOptions(timeline=True, overview=True)


def stored(folder: Path, data: bytes, modified: float = UPLOADED) -> Path:
    (log := folder / "log").write_bytes(data)
    os.utime(log, (modified, modified))
    return log


def mixed(first: datetime, lines: int, seconds: float, seed: int = 3) -> bytes:
    """Lines in the forms of ISO, syslog and klog, in the order of their times."""
    chance, written = random.Random(seed), []
    for number in range(lines):
        at = first + timedelta(seconds=seconds * number / lines)
        written.append(f"{at:{chance.choice(FORMS)}} x")
    return "\n".join(written).encode()


def timeline_of(log: Path) -> dict[str, Any]:
    found: dict[str, Any] = whole(log, [Pattern("x")], BOTH)["timeline"]
    return found


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, lambda data: data.decode().encode("utf-16")]
)
def test_an_old_mixed_file_that_is_uploaded_today_has_one_axis(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    data = mixed(datetime(2024, 3, 1, tzinfo=UTC), 3000, 3600)
    found = timeline_of(stored(tmp_path, compress(data)))
    assert found["start"] == "2024-03-01T00:00:00.000Z"
    assert sum(found["total"]) == 3000
    assert "before" not in found


@pytest.mark.parametrize("days", [1, 100])
def test_a_mixed_file_goes_on_across_new_year(tmp_path: Path, days: int) -> None:
    first = datetime(2023, 12, 31, tzinfo=UTC) - timedelta(days=days)
    found = timeline_of(stored(tmp_path, mixed(first, 3000, 2 * days * 86_400)))
    axis = datetime.fromisoformat(found["start"]), found["bins"] * found["bin_seconds"]
    assert axis[0] == first
    assert axis[1] <= 2 * days * 86_400 + found["bin_seconds"]
    assert sum(found["total"]) == 3000


def test_lines_after_the_last_dated_one_can_be_in_the_next_year(tmp_path: Path) -> None:
    data = b"2023-12-30T01:00:00Z x\n" * 20 + b"Jan  2 01:00:00 h x\n" * 20
    found = timeline_of(stored(tmp_path, data))
    assert found["bins"] * found["bin_seconds"] <= 4 * 86_400


def test_without_dated_lines_the_time_of_the_file_counts(tmp_path: Path) -> None:
    log = stored(tmp_path, b"Dec 30 01:00:00 h x\nJan  2 01:00:00 h x\n" * 30, 1_704_326_400.0)
    assert reference_of(log) == 1_704_326_400.0  # 2024-01-04
    found = timeline_of(log)
    assert found["start"] == "2023-12-30T01:00:00.000Z"
    assert found["bins"] * found["bin_seconds"] <= 4 * 86_400


def test_a_line_is_not_later_than_its_file_unless_dated_lines_are(tmp_path: Path) -> None:
    log = stored(tmp_path, b"2026-11-28T01:00:00Z x\nNov 30 12:00:00 h x\n" * 5)
    assert reference_of(log) == UPLOADED
    later = stored(tmp_path, b"2027-11-28T01:00:00Z x\nNov 30 12:00:00 h x\n" * 5)
    assert timeline_of(later)["start"].startswith("2027-11-28")


def test_a_single_wrong_year_does_not_count(tmp_path: Path) -> None:
    lines = mixed(datetime(2024, 3, 1, tzinfo=UTC), 3000, 3600).split(b"\n")
    lines.insert(0, b"2099-01-01T00:00:00Z x")
    found = timeline_of(stored(tmp_path, b"\n".join(lines)))
    assert (sum(found["total"]), found["after"]) == (3000, 1)


@pytest.mark.parametrize("part_bytes", [40, 333, 5000])
def test_parts_and_ranges_have_the_same_years(tmp_path: Path, part_bytes: int) -> None:
    log = stored(tmp_path, mixed(datetime(2023, 12, 31, 23, tzinfo=UTC), 300, 7200))
    patterns = [Pattern("x")]
    expected = whole(log, patterns, BOTH)
    assert in_parts(log, part_bytes, patterns, BOTH, groups=3) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "MIN_BYTES", 0)
        patch.setattr(ranges, "RANGE_BYTES", part_bytes)
        found = analyze(log, patterns, BOTH, ignore_progress, processes=2)
    assert comparable(to_json(found, BOTH)) == expected


def test_pages_of_lines_have_the_same_years(tmp_path: Path) -> None:
    log = stored(tmp_path, mixed(datetime(2024, 3, 1, tzinfo=UTC), 300, 3600))
    clock = LineClock(TextFile(log, None).modified)
    moment = datetime(2024, 3, 1, 0, 30, tzinfo=UTC)
    assert clock.own(b"Mar  1 00:30:00 h x", 0) == moment.timestamp()
