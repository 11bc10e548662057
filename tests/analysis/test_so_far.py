"""What is known of the result during a scan, in the progress of a job."""

import gzip
import json
import tarfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.analysis import archive_scan, ranges, scan, so_far
from runner.analysis.count.result import PartialResult
from runner.analysis.input.errors import SourceError
from runner.analysis.match.patterns import Pattern
from runner.analysis.options import AnalysisOptions
from runner.analysis.report import to_json
from runner.analysis.run import analyze

OPTIONS = AnalysisOptions(timeline=True, overview=True)
PATTERNS = [Pattern("disk"), Pattern("user")]
START = datetime(2026, 1, 1, tzinfo=UTC)


def log(lines: int, start: int = 0) -> bytes:
    """A log with a line per second; every tenth is an error."""
    found = []
    for n in range(start, start + lines):
        stamp = (START + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ")
        found.append(f"{stamp} ERROR disk {n}" if n % 10 == 0 else f"{stamp} INFO user {n} in")
    return "\n".join([*found, ""]).encode()


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the result after each window."""
    for module in (scan, archive_scan):
        monkeypatch.setattr(module, "REPORT_SECONDS", 0)
    for name in ("_FIRST_SECONDS", "_SECONDS", "_PART_OF_TIME"):
        monkeypatch.setattr(so_far, name, 0)


def analyzed(file: Path, processes: int = 1) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The progress of an analysis, and its result without the time that it took."""
    reports: list[dict[str, Any]] = []
    result = to_json(analyze(file, PATTERNS, OPTIONS, reports.append, processes), OPTIONS)
    for name in ("seconds", "bytes_per_second"):
        del result["file"][name]
    return reports, result


def write(folder: Path, kind: str) -> Path:
    """A log of some windows in a file of this kind."""
    file, content = folder / f"app.{kind}", log(60_000)
    if kind == "gz":
        content = gzip.compress(content, 1)
    if kind != "tar":
        file.write_bytes(content)
        return file
    with tarfile.open(file, "w") as archive:
        for number in range(2):
            member = folder / f"{number}.log"
            member.write_bytes(log(40_000, 40_000 * number))
            archive.add(member, member.name)
    return file


@pytest.mark.parametrize("kind", ["log", "gz", "tar"])
def test_looks_find_more_and_more_and_do_not_change_the_result(
    tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = write(tmp_path, kind)
    reports, result = analyzed(file)
    totals = [sum(each["timeline"]["total"]) for each in reports if "timeline" in each]
    assert len(totals) > 2
    assert totals == sorted(totals)
    assert 0 < totals[0] < sum(result["timeline"]["total"])
    last = reports[-1]
    assert last["overview"]["levels"].keys() == {"INFO", "ERROR"}
    texts = [each["template"] for each in last["overview"]["templates"]]
    assert texts == [each["template"] for each in result["overview"]["templates"]]
    assert last["timeline"]["patterns"].keys() == {"disk", "user"}
    monkeypatch.setattr(so_far, "_FIRST_SECONDS", 1000)
    reports, unwatched = analyzed(file)
    assert result == unwatched
    assert all("timeline" not in each and "overview" not in each for each in reports)


def test_ranges_that_several_processes_have_scanned_are_seen(
    tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "MIN_BYTES", 1)
    monkeypatch.setattr(ranges, "RANGE_BYTES", 1 << 18)
    file = write(tmp_path, "log")
    reports, result = analyzed(file, processes=2)
    totals = [sum(each["timeline"]["total"]) for each in reports if "timeline" in each]
    assert totals == sorted(totals)
    assert len({*totals}) > 2
    assert result == analyzed(file)[1]


def test_a_scan_that_fails_at_once_reports_what_it_has_found(tmp_path: Path) -> None:
    file = tmp_path / "app.log.gz"
    file.write_bytes(gzip.compress(log(60_000), 1)[:-100_000])
    reports: list[dict[str, Any]] = []
    with pytest.raises(SourceError):
        analyze(file, PATTERNS, OPTIONS, reports.append)
    assert reports[-1]["counts"]["disk"] > 0
    assert sum(reports[-1]["timeline"]["total"]) > 1000
    assert reports[-1]["overview"]["templates"]


def test_the_parts_take_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = 0.0, []

    def look() -> list[Any]:
        nonlocal now
        looks.append(now)
        now += 0.2
        return [PartialResult.of(2)]

    watched = so_far.SoFar(["disk", "user"], OPTIONS, 0.0, lambda: now)
    while now < 60:
        watched.watch(look, False)
        now += 0.1
    assert looks[0] >= 1
    assert 4 <= len(looks) <= 7


def test_the_parts_are_small_or_left_out(tmp_path: Path, always: None) -> None:
    file = tmp_path / "app.log"
    words = [zlib.crc32(b"%d" % n) for n in range(3000)]
    lines = (
        f"2026-01-01T{n % 24:02d}:00:00Z {'x' * 900} {'ab ' * (w % 97)}"
        for n, w in enumerate(words)
    )
    file.write_text("\n".join(lines))
    for patterns in (
        [Pattern(f"{n:03d}" + "x" * 100) for n in range(20)],
        [Pattern(f"{n:03d}" + "x" * 2000) for n in range(20)],
    ):
        reports: list[dict[str, Any]] = []
        analyze(file, patterns, OPTIONS, reports.append)
        for each in reports:
            del each["counts"]
            assert len(json.dumps(each)) < so_far.MAX_BYTES + 100
