"""A file cut into ranges for helper processes: the same result, and no helper is left behind."""

import math
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.analysis import helpers, ranges
from runner.analysis.errors import HelperError
from runner.analysis.helpers import Progress, run_parts
from runner.analysis.lines import LineOptions
from runner.analysis.patterns import Pattern, prepare
from runner.analysis.ranges import may_be_cut, plan, scan_ranges, shared_size
from runner.analysis.scanner import Options
from tests.analysis_oracle import expected, found, scan

# A test run may have threads; none of them is in the code that the helpers run.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

WANTED = Options(LineOptions(samples=3))
PATTERNS = [Pattern("a"), Pattern("aa"), Pattern("b+a", regex=True), Pattern("A", ignore_case=True)]


def nothing(done: int, counts: list[int]) -> None:
    """Hear no news."""


def unheard(part: int, content: object) -> None:
    """Hear no progress."""


def untaken(part: int, result: bytes) -> None:
    """Take no result."""


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 5, 64, 1000])
def test_ranges_give_the_same_as_the_whole(tmp_path: Path, number: int, size: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"aab\nbba\n\nxaaaaaaaaaaaaaaaaaaaaab\nB" * 9)
    partial, _ = scan_ranges(path, prepare(PATTERNS), WANTED, number, nothing, size)
    assert partial == scan(path.read_bytes(), PATTERNS, WANTED)
    assert found(partial.tallies[0]) == expected(path.read_bytes(), PATTERNS[0], 3)


def test_news_add_up_to_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a b\n" * 1000)
    news: list[tuple[int, list[int]]] = []
    patterns = prepare([Pattern("a"), Pattern("b")])
    scan_ranges(path, patterns, WANTED, 2, lambda *told: news.append(told), 100)
    assert news[-1] == (4000, [1000, 1000])
    assert [done for done, _ in news] == sorted(done for done, _ in news)


@settings(database=None, deadline=None)
@given(st.text("a\n", max_size=60), st.integers(1, 20))
def test_ranges_join_and_end_after_newlines(text: str, size: int) -> None:
    data = text.encode()
    with open(os.memfd_create("log"), "w+b") as file:
        file.write(data)
        file.flush()
        planned = plan(Path(f"/proc/self/fd/{file.fileno()}"), size)
    assert b"".join(data[start:end] for start, end in planned) == data
    assert all(data[end - 1 : end] == b"\n" for _, end in planned[:-1])
    assert all(start < end for start, end in planned)


def test_a_newline_far_away_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "_BLOCK", 4)
    path = tmp_path / "log"
    path.write_bytes(b"x" * 50 + b"\n" + b"y" * 50)
    assert plan(path, 10) == [(0, 51), (51, 101)]


@pytest.mark.parametrize(
    ("text", "cut"), [("a", True), ("a\n", True), ("a\nb", False), ("\n", True)]
)
def test_a_file_is_cut_only_where_no_match_may_span_lines(text: str, cut: bool) -> None:
    assert may_be_cut(prepare([Pattern(text)]), 100, least=100) is cut
    assert not may_be_cut(prepare([Pattern(text)]), 99, least=100)


def test_results_are_taken_in_order_and_a_helper_far_ahead_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helpers, "HELD_BYTES", 100)
    reading, writing = os.pipe()

    def work(part: int, progress: Progress) -> bytes:
        if part:
            os.write(writing, b"x")
            return b"%d" % part * 50
        for _ in range(3):  # of which two are held, and one waits in its helper
            os.read(reading, 1)
        begun, _, _ = select.select([reading], [], [], 0.3)
        return b"too many" if begun else b"0"

    taken: list[tuple[int, bytes]] = []
    run_parts(work, 7, 2, unheard, lambda part, result: taken.append((part, result)))
    assert taken == [(0, b"0"), *((part, b"%d" % part * 50) for part in range(1, 7))]
    for end in (reading, writing):
        os.close(end)


def test_a_helper_that_dies_before_its_turn_fails_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helpers, "HELD_BYTES", 1000)
    reading, writing = os.pipe()

    def work(part: int, progress: Progress) -> bytes:
        if part:
            os.write(writing, os.getpid().to_bytes(4, "little"))
            return bytes(1 << 20)  # more than a pipe has room for
        os.kill(int.from_bytes(os.read(reading, 4), "little"), signal.SIGKILL)
        return b""

    with pytest.raises(HelperError, match="part 1 died"):
        run_parts(work, 3, 2, unheard, untaken)
    for end in (reading, writing):
        os.close(end)


def test_a_helper_that_dies_fails_the_whole() -> None:
    def work(part: int, progress: Progress) -> bytes:
        if part == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return b""

    with pytest.raises(HelperError, match="part 2 died"):
        run_parts(work, 5, 2, unheard, untaken)


def test_a_helper_that_fails_fails_the_whole_and_ends_the_others() -> None:
    def work(part: int, progress: Progress) -> bytes:
        if part:
            raise ValueError("bad part")
        threading.Event().wait()  # until killed
        return b""

    with pytest.raises(HelperError, match="part 1 failed: ValueError: bad part"):
        run_parts(work, 2, 2, unheard, untaken)


def test_a_file_that_is_cut_while_read_fails_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n" * 10)
    monkeypatch.setattr(ranges, "plan", lambda path, size: [(0, 10), (10, 22)])
    with pytest.raises(HelperError, match="cut while it was read"):
        scan_ranges(path, prepare(PATTERNS), WANTED, 2, nothing, 100)


def test_helpers_die_with_their_parent(tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def work(part: int, progress: Progress) -> Any:
        os.write(writing, b"x")
        threading.Event().wait()

    parent = os.fork()
    if not parent:
        run_parts(work, 2, 2, unheard, untaken)
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) + os.read(reading, 1) == b"xx"
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    began = time.monotonic()
    assert os.read(reading, 1) == b""  # the last one to hold the other end is gone
    assert time.monotonic() - began < 5
    os.close(reading)


def children() -> set[str]:
    """This process's own, be they alive or zombies."""
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


@pytest.fixture(autouse=True)
def no_helper_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


@pytest.mark.parametrize(
    ("size", "helpers", "ranges"),
    [(0, 2, 0), (1, 4, 1), (64, 2, 1), (65, 2, 2), (128, 16, 2), (1000, 2, 16), (1000, 16, 16)],
)
def test_ranges_are_shared_evenly_and_are_no_more_for_helpers_that_are_not_needed(
    size: int, helpers: int, ranges: int
) -> None:
    shared = shared_size(size, 64, helpers)
    assert shared <= 64
    assert math.ceil(size / max(shared, 1)) == ranges
