"""Ranges in threads: each is scanned once, results are in order, and an error ends all threads."""

import threading
from collections.abc import Callable, Iterator

import pytest

from runner.analysis.input import progress
from runner.analysis.input.progress import ReportProgress
from runner.analysis.parallel.threads import run_ranges

PATIENCE = 60
"""Seconds before a test gives up; a test that passes needs only a moment."""


def ignore_progress(number: int, value: object) -> None:
    """Ignore progress."""


def ignore_result(number: int, result: object) -> None:
    """Ignore the result."""


def working(progress: ReportProgress) -> None:
    """Report progress until the scan is stopped."""
    while True:
        progress(lambda: None)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_range_is_scanned_once_and_results_are_in_order(threads: int) -> None:
    taken: list[tuple[int, int]] = []
    run_ranges(
        lambda number, progress: number * 2,
        3000,
        threads,
        ignore_progress,
        lambda number, result: taken.append((number, result)),
    )
    assert taken == [(number, number * 2) for number in range(3000)]


def test_ranges_are_scanned_at_the_same_time() -> None:
    together = threading.Barrier(3)
    run_ranges(
        lambda number, progress: together.wait(PATIENCE), 3, 3, ignore_progress, ignore_result
    )


def both(
    in_this: Callable[[ReportProgress], None], in_other: Callable[[ReportProgress], None]
) -> None:
    """Scan two ranges at the same time, one in this thread and one in another."""
    this, together = threading.current_thread(), threading.Barrier(2)

    def work(number: int, progress: ReportProgress) -> None:
        together.wait(PATIENCE)
        (in_this if threading.current_thread() is this else in_other)(progress)

    run_ranges(work, 2, 2, ignore_progress, ignore_result)


def failing(progress: ReportProgress) -> None:
    """Raise an error."""
    raise OSError("bad range")


@pytest.mark.parametrize(("in_this", "in_other"), [(working, failing), (failing, working)])
def test_an_error_in_any_thread_ends_the_scan(
    in_this: Callable[[ReportProgress], None],
    in_other: Callable[[ReportProgress], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0.001)
    with pytest.raises(OSError, match="bad range"):
        both(in_this, in_other)


def test_an_error_in_the_last_range_of_another_thread_is_raised() -> None:
    with pytest.raises(OSError, match="bad range"):
        both(lambda progress: None, failing)


def test_the_calling_thread_reports_progress_and_none_after_the_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0)
    asked, reported, taken = threading.get_ident(), set[int](), set[int]()
    all_reported = threading.Event()

    def on_progress(number: int, value: object) -> None:
        assert threading.get_ident() == asked
        assert number not in taken
        assert value == number * 2
        reported.add(number)
        if reported == {0, 1}:
            all_reported.set()

    def work(number: int, progress: ReportProgress) -> None:
        while number < 2 and not all_reported.is_set():
            progress(lambda: number * 2)
        progress(lambda: number * 2)

    run_ranges(work, 50, 2, on_progress, lambda number, result: taken.add(number))
    assert taken == set(range(50))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
