"""A file that helper processes scan in ranges has the same result; no helper is left over."""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import ScanOptions
from loganalysis.match.patterns import Pattern, prepare
from loganalysis.read.errors import HelperError
from loganalysis.scan import ranges
from loganalysis.scan.ranges import can_be_split, line_ranges, scan_ranges
from tests.support.loganalysis.oracle import expected, found, scan, temporary_log

if sys.platform != "linux":
    pytest.skip("only where helper processes are forked", allow_module_level=True)

from loganalysis.scan.helper_processes import RANGES_AHEAD, run_ranges

# The test run may have threads, but they do not run the code that helpers run.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

WITH_SAMPLES = ScanOptions(LineOptions(samples=3))
COUNTS = ScanOptions(LineOptions())
PATTERNS = [Pattern("a"), Pattern("aa"), Pattern("b+a", regex=True), Pattern("A", ignore_case=True)]


Report = Callable[[object], None]
MIB = bytes(1 << 20)  # more than fits into a pipe


def ignore_totals(done: int, counts: list[int]) -> None:
    """Ignore the totals."""


def ignore_progress(number: int, content: object) -> None:
    """Ignore progress."""


def ignore_result(number: int, result: bytes) -> None:
    """Ignore the result."""


@pytest.mark.heavy
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 5, 64, 1000])
def test_ranges_give_the_same_result_as_the_whole(tmp_path: Path, number: int, size: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"aab\nbba\n\nxaaaaaaaaaaaaaaaaaaaaab\nB" * 9)
    partial = scan_ranges(path, prepare(PATTERNS), WITH_SAMPLES, ignore_totals, number, size)
    assert partial == scan(path.read_bytes(), PATTERNS, WITH_SAMPLES)
    assert found(partial.results[0]) == expected(path.read_bytes(), PATTERNS[0], 3)


@pytest.mark.heavy
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 5, 64, 1000])
def test_ranges_of_literals_give_the_same_result_as_the_whole(
    tmp_path: Path, number: int, size: int
) -> None:
    path, patterns = tmp_path / "log", [each for each in PATTERNS if not each.regex]
    path.write_bytes(b"aab\nbba\n\nxaaaaaaaaaaaaaaaaaaaaab\nB\xff\n" * 9)
    partial = scan_ranges(path, prepare(patterns), COUNTS, ignore_totals, number, size)
    assert partial == scan(path.read_bytes(), patterns, COUNTS)
    assert found(partial.results[0]) == expected(path.read_bytes(), patterns[0], 0)
    assert partial.invalid_text.count == 9


@pytest.mark.parametrize("options", [COUNTS, WITH_SAMPLES])
def test_reported_totals_add_up_to_the_whole(tmp_path: Path, options: ScanOptions) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a b\n" * 1000)
    news: list[tuple[int, list[int]]] = []
    patterns = prepare([Pattern("a"), Pattern("b")])
    scan_ranges(path, patterns, options, lambda *totals: news.append(totals), 2, 100)
    assert news[-1] == (4000, [1000, 1000])
    assert len(news) > 1
    assert [done for done, _ in news] == sorted(done for done, _ in news)


@settings(database=None, deadline=None)
@given(st.text("a\n", max_size=60), st.integers(1, 20))
def test_ranges_join_and_end_after_newlines(text: str, range_bytes: int) -> None:
    data = text.encode()
    with temporary_log(data) as path:
        planned = line_ranges(path, range_bytes)
    assert b"".join(data[start:end] for start, end in planned) == data
    assert all(data[end - 1 : end] == b"\n" for _, end in planned[:-1])
    assert all(start < end for start, end in planned)


def test_a_newline_far_away_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loganalysis.read.stored._LINE_BYTES", 4)
    path = tmp_path / "log"
    path.write_bytes(b"x" * 50 + b"\n" + b"y" * 50)
    assert line_ranges(path, 10) == [(0, 51), (51, 101)]


@pytest.mark.parametrize(
    ("text", "cut"), [("a", True), ("a\n", True), ("a\nb", False), ("\n", True)]
)
def test_a_file_is_split_only_if_no_match_can_span_lines(text: str, cut: bool) -> None:
    assert can_be_split(prepare([Pattern(text)]), 100, min_bytes=100) is cut
    assert not can_be_split(prepare([Pattern(text)]), 99, min_bytes=100)


def test_each_range_is_scanned_once_and_results_are_in_order() -> None:
    taken: list[tuple[int, bytes]] = []

    def work(number: int, report: Report) -> bytes:
        return b"%d" % number

    run_ranges(
        work, 3000, 5, ignore_progress, lambda number, result: taken.append((number, result))
    )
    assert taken == [(number, b"%d" % number) for number in range(3000)]


def test_a_helper_far_ahead_waits() -> None:
    reading, writing = os.pipe()

    def begun(seconds: float) -> bool:
        return bool(select.select([reading], [], [], seconds)[0])

    def work(number: int, report: Report) -> bytes:
        os.write(writing, b"x")
        if number:
            return MIB
        for _ in range(2 * RANGES_AHEAD):  # the ranges of both helpers, this one among them
            assert begun(60)
            os.read(reading, 1)
        return b"too many" if begun(0.3) else b"0"

    taken: list[bytes] = []
    run_ranges(work, 9, 2, ignore_progress, lambda number, result: taken.append(result))
    assert taken == [b"0", *[MIB] * 8]
    for end in (reading, writing):
        os.close(end)


def test_a_helper_that_dies_with_its_result_fails_the_scan() -> None:
    reading, writing = os.pipe()

    def work(number: int, report: Report) -> bytes:
        if not number:
            os.kill(int.from_bytes(os.read(reading, 4), "little"), signal.SIGKILL)
            threading.Event().wait()  # until killed
        os.write(writing, os.getpid().to_bytes(4, "little"))
        return MIB

    with pytest.raises(HelperError, match="died"):
        run_ranges(work, 2, 2, ignore_progress, ignore_result)
    for end in (reading, writing):
        os.close(end)


def test_a_helper_that_dies_fails_the_scan() -> None:
    def work(number: int, report: Report) -> bytes:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait()  # until killed
        return b""

    with pytest.raises(HelperError, match=r"a helper process died \(-9\)"):
        run_ranges(work, 5, 2, ignore_progress, ignore_result)


def test_a_helper_that_fails_fails_the_scan_and_ends_the_others() -> None:
    def work(number: int, report: Report) -> bytes:
        if number == 1:
            raise ValueError("bad range")
        threading.Event().wait()  # until killed
        return b""

    with pytest.raises(HelperError, match=r"range 1 failed: ValueError: bad range"):
        run_ranges(work, 3, 3, ignore_progress, ignore_result)


def test_an_error_in_this_process_ends_the_helpers() -> None:
    def work(number: int, report: Report) -> bytes:
        if number:
            threading.Event().wait()  # until killed
        return b""

    def fail(number: int, result: bytes) -> None:
        raise ValueError("bad result")

    with pytest.raises(ValueError, match="bad result"):
        run_ranges(work, 3, 3, ignore_progress, fail)


def test_progress_of_all_ranges_is_reported() -> None:
    received: set[tuple[int, object]] = set()

    def work(number: int, report: Report) -> bytes:
        report(number * 2)
        return b""

    run_ranges(work, 6, 3, lambda number, content: received.add((number, content)), ignore_result)
    assert received == {(number, number * 2) for number in range(6)}


@pytest.mark.parametrize("options", [COUNTS, WITH_SAMPLES])
def test_a_file_that_is_shortened_meanwhile_fails_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: ScanOptions
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n" * 10)
    monkeypatch.setattr(
        ranges, "line_ranges", lambda path, range_bytes, options: [(0, 10), (10, 22)]
    )
    with pytest.raises(HelperError, match="cut while it was read"):
        scan_ranges(path, prepare(PATTERNS[:2]), options, ignore_totals, 2, 100)


def test_helpers_die_with_their_parent(tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def work(number: int, report: Report) -> bytes:
        os.write(writing, b"x")
        threading.Event().wait()
        return b""

    parent = os.fork()
    if not parent:
        run_ranges(work, 3, 3, ignore_progress, ignore_result)
        os._exit(0)
    os.close(writing)
    assert [os.read(reading, 1) for _ in range(3)] == [b"x"] * 3
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    began = time.monotonic()
    assert os.read(reading, 1) == b""  # no process holds the other end any longer
    assert time.monotonic() - began < 5
    os.close(reading)


def children() -> set[str]:
    """The pids of this process's children, alive or zombies."""
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


@pytest.fixture(autouse=True)
def no_helper_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before
