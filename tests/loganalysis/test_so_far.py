"""The progress of a job has the result so far, during a scan."""

import gzip
import json
import tarfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loganalysis.count.result import PartialResult
from loganalysis.match.patterns import Pattern
from loganalysis.read.errors import SourceError
from loganalysis.scan import archive_scan, partial_result, ranges, scan
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from loganalysis.scan.scan import Look

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
        monkeypatch.setattr(partial_result, name, 0)


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


@pytest.mark.heavy
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
    monkeypatch.setattr(partial_result, "_FIRST_SECONDS", 1000)
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


def looks_at(shapes: int, seconds: float, until: float = 600) -> list[float]:
    """When a scan of so many shapes is looked at, if each look takes so many seconds."""
    now, found = 0.0, []

    def results() -> list[PartialResult]:
        nonlocal now
        found.append(now)
        now += seconds
        return [PartialResult.of(2)]

    watched = partial_result.SoFar(["disk", "user"], OPTIONS, 0.0, lambda: now)
    while now < until:
        watched.watch(Look(results, lambda: shapes), False)
        now += 0.1
    return found


def test_a_look_at_few_shapes_comes_after_four_seconds_and_then_often() -> None:
    looks = looks_at(shapes=20, seconds=0.02, until=20)
    assert 4 <= looks[0] < 4.2
    assert len(looks) == 11


@pytest.mark.parametrize(("shapes", "first"), [(500, 9), (1000, 16.5), (4096, 62.9)])
def test_a_look_at_many_shapes_waits_until_it_takes_two_percent_of_the_time(
    shapes: int, first: float
) -> None:
    seconds = shapes * 0.0003
    looks = looks_at(shapes, seconds)
    assert first <= looks[0] < first + 0.2
    assert len(looks) > 5
    assert all(n * seconds <= (at + seconds) / 50 for n, at in enumerate(looks, 1))


def test_a_look_that_takes_longer_than_predicted_delays_the_next_ones() -> None:
    looks = looks_at(shapes=20, seconds=0.5)
    assert looks[0] < 4.2
    assert all(at >= 50 * 0.5 * n for n, at in enumerate(looks[1:], 2))
    assert len(looks) > 20


@pytest.mark.heavy
def test_the_size_of_a_look_is_known_without_looking(
    tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []
    watch = partial_result.SoFar.watch

    def watched(self: partial_result.SoFar, look: Look, has_failed: bool) -> None:
        before = look.size()
        tables = [part.table for part in look.results()]
        sizes.append((before, sum(table.size for table in tables if table)))
        watch(self, look, has_failed)

    monkeypatch.setattr(partial_result.SoFar, "watch", watched)
    for kind in ("log", "tar"):
        sizes.clear()
        analyzed(write(tmp_path, kind))
        assert len(sizes) > 2
        assert all(0 < found <= before <= 2 * found for before, found in sizes)


def test_the_parts_are_small_or_left_out(tmp_path: Path, always: None) -> None:
    file = tmp_path / "app.log"
    words = [zlib.crc32(b"%d" % n) for n in range(1000)]
    lines = (
        f"2026-01-01T{n % 24:02d}:00:00Z {'x' * 900} {'ab ' * (w % 97)}"
        for n, w in enumerate(words)
    )
    file.write_text("\n".join(lines))
    for patterns in (
        [Pattern(f"{n:03d}" + "x" * 100) for n in range(20)],
        [Pattern(f"{n:03d}" + "x" * 1900) for n in range(8)],
        [Pattern(f"{n:03d}" + "x" * 2000) for n in range(20)],
    ):
        reports: list[dict[str, Any]] = []
        analyze(file, patterns, OPTIONS, reports.append)
        for each in reports:
            del each["counts"]
            assert len(json.dumps(each)) < partial_result.MAX_BYTES + 100
