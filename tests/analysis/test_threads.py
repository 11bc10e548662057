"""Parts done by threads: each once, taken in order, and none goes on after one has failed."""

import threading
from collections.abc import Callable, Iterator

import pytest

from runner.analysis.input import progress as seldom
from runner.analysis.parallel.helper import Progress
from runner.analysis.parallel.threads import run_parts

PATIENCE = 60
"""Seconds; a test that works waits for a moment."""


def unheard(part: int, far: object) -> None:
    """Hear no progress."""


def untaken(part: int, result: object) -> None:
    """Take no result."""


def working(progress: Progress) -> None:
    """Work on a part until that is of no use any more."""
    while True:
        progress(lambda: None)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_part_is_done_once_and_taken_in_order(threads: int) -> None:
    taken: list[tuple[int, int]] = []
    run_parts(
        lambda part, progress: part * 2,
        3000,
        threads,
        unheard,
        lambda part, result: taken.append((part, result)),
    )
    assert taken == [(part, part * 2) for part in range(3000)]


def test_parts_are_done_at_the_same_time() -> None:
    together = threading.Barrier(3)
    run_parts(lambda part, progress: together.wait(PATIENCE), 3, 3, unheard, untaken)


def both(in_this: Callable[[Progress], None], in_other: Callable[[Progress], None]) -> None:
    """Do two parts at the same time, one in this thread and one in another."""
    this, together = threading.current_thread(), threading.Barrier(2)

    def work(part: int, progress: Progress) -> None:
        together.wait(PATIENCE)
        (in_this if threading.current_thread() is this else in_other)(progress)

    run_parts(work, 2, 2, unheard, untaken)


def failing(progress: Progress) -> None:
    """Fail."""
    raise OSError("bad part")


@pytest.mark.parametrize(("in_this", "in_other"), [(working, failing), (failing, working)])
def test_what_fails_in_any_thread_ends_the_whole(
    in_this: Callable[[Progress], None],
    in_other: Callable[[Progress], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seldom, "SECONDS", 0.001)
    with pytest.raises(OSError, match="bad part"):
        both(in_this, in_other)


def test_what_fails_in_the_last_part_of_another_thread_is_raised() -> None:
    with pytest.raises(OSError, match="bad part"):
        both(lambda progress: None, failing)


def test_progress_is_told_by_the_thread_that_asked_and_never_of_a_part_that_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seldom, "SECONDS", 0)
    asked, told, taken = threading.get_ident(), set[int](), set[int]()
    all_told = threading.Event()

    def hear(part: int, far: object) -> None:
        assert threading.get_ident() == asked
        assert part not in taken
        assert far == part * 2
        told.add(part)
        if told == {0, 1}:
            all_told.set()

    def work(part: int, progress: Progress) -> None:
        while part < 2 and not all_told.is_set():
            progress(lambda: part * 2)
        progress(lambda: part * 2)

    run_parts(work, 50, 2, hear, lambda part, result: taken.add(part))
    assert taken == set(range(50))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
