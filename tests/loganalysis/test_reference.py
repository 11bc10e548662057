"""Lines without a year get it from the dated lines of their file, or else from its time."""

import gzip
import io
import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from loganalysis.index.archive_index import decode_index
from loganalysis.index.known_file import KnownFile
from loganalysis.index.line_clock import LineClock
from loganalysis.index.stream import StreamCache, TextFile
from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from loganalysis.times.reference_time import reference_of
from tests.support.loganalysis.in_ranges import ignore_progress, in_ranges, whole

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


@pytest.mark.parametrize("range_bytes", [40, 333, 5000])
def test_ranges_have_the_same_years(tmp_path: Path, range_bytes: int) -> None:
    log = stored(tmp_path, mixed(datetime(2023, 12, 31, 23, tzinfo=UTC), 300, 7200))
    patterns = [Pattern("x")]
    assert in_ranges(log, range_bytes, patterns, BOTH) == whole(log, patterns, BOTH)


def test_pages_of_lines_have_the_same_years(tmp_path: Path) -> None:
    log = stored(tmp_path, mixed(datetime(2024, 3, 1, tzinfo=UTC), 300, 3600))
    clock = LineClock(TextFile(log, None).modified)
    moment = datetime(2024, 3, 1, 0, 30, tzinfo=UTC)
    assert clock.own(b"Mar  1 00:30:00 h x", 0) == moment.timestamp()


def in_zip(data: bytes) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.log", (2026, 11, 29, 0, 0, 0)), data)
    return file.getvalue()


def in_tar(data: bytes) -> bytes:
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w:gz", compresslevel=1) as archive:
        (member := tarfile.TarInfo("a.log")).size, member.mtime = len(data), int(UPLOADED)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


STORED: dict[str, Callable[[bytes], bytes]] = {
    **{"plain": bytes, "gzip": lambda data: gzip.compress(data, 1), "zip": in_zip, "tar": in_tar},
    "UTF-16": lambda data: data.decode().encode("utf-16"),
}


@pytest.mark.heavy
@pytest.mark.parametrize("kind", STORED)
@settings(max_examples=8, deadline=None)
@given(
    form=st.sampled_from(["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%b %d %H:%M:%S"]),
    back=st.integers(0, 700),
    days=st.integers(1, 40),
    filler=st.sampled_from([0, 500]),
)
def test_times_have_the_day_and_the_year_that_the_whole_file_proves(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    form: str,
    back: int,
    days: int,
    filler: int,
) -> None:
    """An oracle that knows when each line was written. A day has up to 90 KB."""
    last = datetime.fromtimestamp(UPLOADED, UTC) - timedelta(days=back, hours=1)
    dates = [last - timedelta(days=each) for each in range(days)][::-1]
    has_proof = any(each.day > 12 for each in dates) if "%Y" in form else back < 363
    assume(has_proof)
    lines = [f"{each:{form}} x {'yyyyy ' * filler}" for each in dates for _ in range(30)]
    log = stored(tmp_path_factory.mktemp("log"), STORED[kind]("\n".join(lines).encode()))
    result = analyze(log, [Pattern("x")], BOTH, ignore_progress)
    found = to_json(result, BOTH)["timeline"]
    first, width = datetime.fromisoformat(found["start"]), found["bin_seconds"]
    assert (sum(found["total"]), found["undated"]) == (len(lines), 0)
    assert first <= dates[0] < first + timedelta(seconds=width)
    assert found["bins"] * width <= days * 86_400 + 2 * width


@pytest.mark.parametrize("kind", ["gzip", "tar"])
def test_pages_have_the_day_that_the_middle_of_the_file_proves(tmp_path: Path, kind: str) -> None:
    days = [*range(8, 13), *range(20, 25)]
    lines = [f"{each:02}/10/2026 01:02:03 x {'yyyyy ' * 500}" for each in days for _ in range(30)]
    lines += [f"{each:02}/11/2026 01:02:03 x" for each in range(1, 10)]
    log = stored(tmp_path, STORED[kind]("\n".join(lines).encode()))
    result = analyze(log, [Pattern("x")], BOTH, ignore_progress)
    index = to_json(result, BOTH)["file"]["line_index"]
    if kind == "tar":
        (found,) = decode_index(index).marks_of()
        assert found
        assert found.reference is not None
        clock = LineClock(found.reference)
    else:
        file = KnownFile.of_file("log", log, None, StreamCache())
        file.adopt(index)
        clock = file.clock
    moment = datetime(2026, 10, 8, 1, 2, 3, tzinfo=UTC)
    assert clock.own(lines[0].encode(), 0) == moment.timestamp()
