"""A file split into ranges for threads or processes has the same result; no helper is left over."""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.analysis.count.lines import LineOptions
from runner.analysis.count.scanner import ScanOptions
from runner.analysis.input import progress
from runner.analysis.input.errors import HelperError
from runner.analysis.input.progress import ReportProgress
from runner.analysis.match.patterns import Pattern, prepare
from runner.analysis.parallel import processes, ranges
from runner.analysis.parallel.line_ranges import can_be_split, line_ranges, split_offsets
from runner.analysis.parallel.processes import run_ranges
from runner.analysis.parallel.ranges import scan_ranges
from tests.support.analysis.oracle import expected, found, scan

# The test run may have threads, but they do not run the code that helpers run.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

WITH_SAMPLES = ScanOptions(LineOptions(samples=3))
COUNTS = ScanOptions(LineOptions())
"""Options with which threads scan literals; with WITH_SAMPLES, processes do."""
PATTERNS = [Pattern("a"), Pattern("aa"), Pattern("b+a", regex=True), Pattern("A", ignore_case=True)]


MIB = bytes(1 << 20)  # more than fits into a pipe


def ignore_totals(done: int, counts: list[int]) -> None:
    """Ignore the totals."""


def ignore_progress(number: int, content: object) -> None:
    """Ignore progress."""


def ignore_result(number: int, result: bytes) -> None:
    """Ignore the result."""


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 5, 64, 1000])
def test_ranges_give_the_same_result_as_the_whole(tmp_path: Path, number: int, size: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"aab\nbba\n\nxaaaaaaaaaaaaaaaaaaaaab\nB" * 9)
    partial, _ = scan_ranges(path, prepare(PATTERNS), WITH_SAMPLES, number, ignore_totals, size)
    assert partial == scan(path.read_bytes(), PATTERNS, WITH_SAMPLES)
    assert found(partial.results[0]) == expected(path.read_bytes(), PATTERNS[0], 3)


@pytest.mark.parametrize("number", [1, 2, 3, ranges.MAX_THREADS + 1])
@pytest.mark.parametrize("size", [1, 5, 64, 1000])
def test_ranges_of_literals_give_the_same_result_as_the_whole(
    tmp_path: Path, number: int, size: int
) -> None:
    path, patterns = tmp_path / "log", [each for each in PATTERNS if not each.regex]
    path.write_bytes(b"aab\nbba\n\nxaaaaaaaaaaaaaaaaaaaaab\nB\xff\n" * 9)
    partial, seen = scan_ranges(path, prepare(patterns), COUNTS, number, ignore_totals, size)
    assert partial == scan(path.read_bytes(), patterns, COUNTS)
    assert found(partial.results[0]) == expected(path.read_bytes(), patterns[0], 0)
    assert seen.invalid_text.count == 9


def forked(path: Path, options: ScanOptions, processors: int) -> bool:
    """Whether helper processes scan a file."""
    before, seen = children(), set[str]()
    patterns = prepare([Pattern("a")])
    scan_ranges(path, patterns, options, processors, lambda *_: seen.update(children()), 100)
    return seen > before


def test_threads_only_count_literals_on_few_processors(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a b\n" * 1000)
    assert not forked(path, COUNTS, 2)
    assert forked(path, WITH_SAMPLES, 2)
    assert forked(path, COUNTS, ranges.MAX_THREADS + 1)


@pytest.mark.parametrize("options", [COUNTS, WITH_SAMPLES])
def test_reported_totals_add_up_to_the_whole(tmp_path: Path, options: ScanOptions) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a b\n" * 1000)
    news: list[tuple[int, list[int]]] = []
    patterns = prepare([Pattern("a"), Pattern("b")])
    scan_ranges(path, patterns, options, 2, lambda *totals: news.append(totals), 100)
    assert news[-1] == (4000, [1000, 1000])
    assert len(news) > 1
    assert [done for done, _ in news] == sorted(done for done, _ in news)


@settings(database=None, deadline=None)
@given(st.text("a\n", max_size=60), st.integers(1, 20), st.integers(1, 4))
def test_ranges_join_and_end_after_newlines(text: str, most: int, processes: int) -> None:
    data = text.encode()
    with open(os.memfd_create("log"), "w+b") as file:
        file.write(data)
        file.flush()
        path = Path(f"/proc/self/fd/{file.fileno()}")
        planned = line_ranges(path, split_offsets(len(data), most, processes))
    assert b"".join(data[start:end] for start, end in planned) == data
    assert all(data[end - 1 : end] == b"\n" for _, end in planned[:-1])
    assert all(start < end for start, end in planned)


def test_a_newline_far_away_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.analysis.parallel.line_ranges._BLOCK_BYTES", 4)
    path = tmp_path / "log"
    path.write_bytes(b"x" * 50 + b"\n" + b"y" * 50)
    assert line_ranges(path, [0, 10, 20, 51, 60, 101]) == [(0, 51), (51, 101)]


@settings(database=None, deadline=None)
@given(st.integers(0, 3000), st.integers(1, 4000), st.integers(1, 64))
def test_split_offsets_ascend_from_start_to_end_in_limited_steps(
    size: int, most: int, processes: int
) -> None:
    found = split_offsets(size, most, processes)
    assert (found[0], found[-1]) == (0, size)
    assert all(0 < end - start <= most for start, end in pairwise(found))


@pytest.mark.parametrize("processes", [2, 3, 16])
def test_all_processes_get_the_same_number_of_large_ranges_and_the_last_are_small(
    processes: int,
) -> None:
    sizes = [end - start for start, end in pairwise(split_offsets(1_000_000, 100_000, processes))]
    assert sizes == sorted(sizes, reverse=True)
    assert len([size for size in sizes if size > 10_000]) % processes == 0
    assert max(sizes[-processes:]) <= 5_000


@pytest.mark.parametrize(
    ("text", "cut"), [("a", True), ("a\n", True), ("a\nb", False), ("\n", True)]
)
def test_a_file_is_split_only_if_no_match_can_span_lines(text: str, cut: bool) -> None:
    assert can_be_split(prepare([Pattern(text)]), 100, min_bytes=100) is cut
    assert not can_be_split(prepare([Pattern(text)]), 99, min_bytes=100)


def busy(progress: ReportProgress, until: Callable[[], bool]) -> None:
    """Report progress (which also reads the helpers' messages) until a condition holds."""
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        progress(lambda: None)


def test_each_range_is_scanned_once_and_results_are_in_order() -> None:
    taken: list[tuple[int, bytes]] = []

    def work(number: int, progress: ReportProgress) -> bytes:
        return b"%d" % number

    run_ranges(
        work, 3000, 5, ignore_progress, lambda number, result: taken.append((number, result))
    )
    assert taken == [(number, b"%d" % number) for number in range(3000)]


def test_a_helper_far_ahead_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_HELD_BYTES", 2 * len(MIB))
    reading, writing = os.pipe()

    def begun(seconds: float) -> bool:
        return bool(select.select([reading], [], [], seconds)[0])

    def work(number: int, progress: ReportProgress) -> bytes:
        if number:
            os.write(writing, b"x")
            return MIB
        for _ in range(3):  # two results are held, and the helper waits with the third
            busy(progress, lambda: begun(0.01))
            os.read(reading, 1)
        until = time.monotonic() + 0.3
        busy(progress, lambda: begun(0.01) or time.monotonic() > until)
        return b"too many" if begun(0) else b"0"

    taken: list[bytes] = []
    run_ranges(work, 7, 2, ignore_progress, lambda number, result: taken.append(result))
    assert taken == [b"0", *[MIB] * 6]
    for end in (reading, writing):
        os.close(end)


def test_a_helper_that_dies_with_its_result_fails_the_scan() -> None:
    own, (reading, writing) = os.getpid(), os.pipe()

    def work(number: int, progress: ReportProgress) -> bytes:
        if os.getpid() == own:
            os.kill(int.from_bytes(os.read(reading, 4), "little"), signal.SIGKILL)
            return b""
        os.write(writing, os.getpid().to_bytes(4, "little"))
        return MIB

    with pytest.raises(HelperError, match="died"):
        run_ranges(work, 2, 2, ignore_progress, ignore_result)
    for end in (reading, writing):
        os.close(end)


def test_a_helper_that_dies_fails_the_scan() -> None:
    own = os.getpid()

    def work(number: int, progress: ReportProgress) -> bytes:
        if os.getpid() != own:
            os.kill(os.getpid(), signal.SIGKILL)
        busy(progress, lambda: False)
        return b""

    with pytest.raises(HelperError, match=r"a helper process died \(-9\)"):
        run_ranges(work, 5, 2, ignore_progress, ignore_result)


def test_a_helper_that_fails_fails_the_scan_and_ends_the_others() -> None:
    own, (reading, writing) = os.getpid(), os.pipe()
    os.write(writing, b"x")

    def work(number: int, progress: ReportProgress) -> bytes:
        if os.getpid() == own:
            busy(progress, lambda: False)
        os.read(reading, 1)  # the second helper waits until it is killed
        raise ValueError("bad range")

    with pytest.raises(HelperError, match=r"range \d failed: ValueError: bad range"):
        run_ranges(work, 3, 3, ignore_progress, ignore_result)
    for end in (reading, writing):
        os.close(end)


def test_an_error_in_this_process_ends_the_helpers() -> None:
    own = os.getpid()

    def work(number: int, progress: ReportProgress) -> bytes:
        if os.getpid() == own:
            raise ValueError("bad range")
        threading.Event().wait()  # until killed
        return b""

    with pytest.raises(ValueError, match="bad range"):
        run_ranges(work, 3, 3, ignore_progress, ignore_result)


def test_a_helper_without_a_range_exits_while_others_work() -> None:
    own, before = os.getpid(), children()

    def work(number: int, progress: ReportProgress) -> bytes:
        if os.getpid() == own:
            busy(progress, lambda: children() == before)
        return b"x"

    taken: list[bytes] = []
    run_ranges(work, 2, 2, ignore_progress, lambda number, result: taken.append(result))
    assert taken == [b"x", b"x"]


def test_progress_of_all_ranges_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0)
    received: set[tuple[int, object]] = set()

    def work(number: int, progress: ReportProgress) -> bytes:
        progress(lambda: number * 2)
        return b""

    run_ranges(work, 6, 3, lambda number, content: received.add((number, content)), ignore_result)
    assert received == {(number, number * 2) for number in range(6)}


@pytest.mark.parametrize("options", [COUNTS, WITH_SAMPLES])
def test_a_file_that_is_shortened_meanwhile_fails_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: ScanOptions
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n" * 10)
    monkeypatch.setattr(ranges, "line_ranges", lambda path, offsets: [(0, 10), (10, 22)])
    with pytest.raises(HelperError, match="cut while it was read"):
        scan_ranges(path, prepare(PATTERNS[:2]), options, 2, ignore_totals, 100)


def test_helpers_die_with_their_parent(tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def work(number: int, progress: ReportProgress) -> bytes:
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
