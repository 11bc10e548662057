"""The peak memory of an analysis, in a new process, for the largest possible results."""

import lzma
from pathlib import Path
from typing import Any

import pytest

from tests.support.loganalysis.archives import tar_of
from tests.support.loganalysis.memory import measure

MOST = 64 * 10**6
MOST_WITH_CONTEXT = 96 * 10**6


MOST_OF_ARCHIVES = 96 * 10**6
MOST_BY_WINDOWS = 20 * 10**6
"""Memory that a large file may add to an analysis of a tiny one, in a process: it adds 13 MB."""

HUNDRED = [f"p{number:02d} " for number in range(100)]
XZ = {"id": lzma.FILTER_LZMA2, "preset": 0}
THOUSAND = [f"{number:03d} " for number in range(1000)]


def log_of(path: Path, patterns: list[str], dates: list[str], tail: str = "") -> Path:
    """A log with a date and all patterns in each line."""
    rest = "".join(patterns) + tail
    path.write_text("".join(f"{date} {rest}\n" for date in dates))
    return path


def check(path: Path, payload: dict[str, Any], helpers: int, ranges: int) -> None:
    """Analyze a file in a number of ranges, and check the peak memory."""
    measured = measure(path, payload, helpers, path.stat().st_size // ranges)
    assert measured.error is None
    assert measured.own < MOST
    assert (0 < measured.helpers < MOST) is (helpers > 1)


@pytest.mark.heavy
@pytest.mark.parametrize("patterns", [HUNDRED, THOUSAND])
def test_samples_of_many_ranges_are_not_all_in_memory(tmp_path: Path, patterns: list[str]) -> None:
    path = log_of(tmp_path / "log", patterns, [""] * 1200, "x" * 600)
    check(path, {"patterns": patterns, "samples": 20}, helpers=2, ranges=60)


@pytest.mark.heavy
@pytest.mark.parametrize("helpers", [1, 2])
def test_a_process_keeps_little_of_a_file_in_memory(tmp_path: Path, helpers: int) -> None:
    path, tiny = tmp_path / "log", tmp_path / "tiny"
    tiny.write_bytes(b"a line\n")
    path.write_bytes(b"".join(b"%063d\n" % number for number in range(10**6)) * 2)
    measured = measure(path, {"patterns": THOUSAND}, helpers, 32 << 20)
    assert measured.error is None
    largest = max(measured.own, measured.helpers)
    assert largest - measure(tiny, {"patterns": THOUSAND}).own < MOST_BY_WINDOWS


@pytest.mark.heavy
@pytest.mark.parametrize("helpers", [1, 2])
def test_histograms_of_many_patterns_over_many_years_are_bounded(
    tmp_path: Path, helpers: int
) -> None:
    dates = [f"{year}-01-02T03:04:05Z" for year in range(1970, 2199)]
    path = log_of(tmp_path / "log", THOUSAND, dates)
    check(path, {"patterns": THOUSAND, "histogram": "minute"}, helpers, ranges=3)


@pytest.mark.heavy
@pytest.mark.parametrize("helpers", [1, 2])
def test_samples_of_many_patterns_with_their_context_are_bounded(
    tmp_path: Path, helpers: int
) -> None:
    dates = [f"2026-01-02T{hour:02}:{minute:02}:05Z" for hour in range(24) for minute in range(60)]
    path = log_of(tmp_path / "log", THOUSAND, dates)
    payload = {"patterns": THOUSAND, "samples": 20, "context": 5, "histogram": "auto"}
    measured = measure(path, payload, helpers, path.stat().st_size // 8)
    assert measured.error is None
    assert max(measured.own, measured.helpers) < MOST_WITH_CONTEXT


@pytest.mark.heavy
def test_samples_that_grow_in_json_still_make_a_result(tmp_path: Path) -> None:
    path = log_of(tmp_path / "log", HUNDRED, [""] * 100, "\0" * 600 + "\N{PILE OF POO}")
    check(path, {"patterns": HUNDRED, "samples": 20}, helpers=1, ranges=1)


@pytest.mark.heavy
def test_an_archive_of_any_size_takes_little_memory(tmp_path: Path) -> None:
    """The largest decoders that are accepted: one for the archive, and one for its members."""
    log = b"".join(b"%063d\n" % number for number in range(300_000))
    inner = lzma.compress(log, filters=[{**XZ, "dict_size": 8 << 20}])
    path = tmp_path / "all.tar.xz"
    archive = tar_of({"1.xz": inner, "2": log, **{f"{n}.log": b"a\n" for n in range(1500)}})
    path.write_bytes(lzma.compress(archive, filters=[{**XZ, "dict_size": 32 << 20}]))
    measured = measure(path, {"patterns": THOUSAND[:50], "samples": 20})
    assert measured.error is None
    assert measured.own < MOST_OF_ARCHIVES
