"""What waits for a network is done beside the loop: one after the other, whatever comes of it."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runner.supervisor import background as errands
from runner.supervisor.background import BackgroundTasks
from tests.support.waiting import wait_for


@pytest.fixture
def beside() -> Iterator[BackgroundTasks]:
    made = BackgroundTasks(at_once=False)
    yield made
    made.close()


def test_what_needs_no_network_is_done_at_once_and_its_errors_are_the_callers() -> None:
    done: list[int] = []
    made = BackgroundTasks(at_once=True)
    made.do(lambda: done.append(threading.get_ident()))
    assert done == [threading.get_ident()]
    with pytest.raises(ZeroDivisionError):
        made.do(lambda: print(1 / 0))  # noqa: T201
    made.close()


def test_the_caller_waits_for_nothing_and_the_order_stays(beside: BackgroundTasks) -> None:
    gate, done = threading.Event(), list[int]()

    def wait() -> None:
        gate.wait()
        done.append(0)

    beside.do(wait)
    for number in (1, 2, 3):
        beside.do(adding(done, number))
    assert done == []
    gate.set()
    wait_for(lambda: done == [0, 1, 2, 3])


def adding(done: list[int], number: int) -> Callable[[], None]:
    return lambda: done.append(number)


def test_what_fails_is_logged_and_the_next_is_done(
    beside: BackgroundTasks, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []
    beside.do(lambda: print(1 / 0))  # noqa: T201
    beside.do(adding(done, 1))
    wait_for(lambda: done == [1])
    (record,) = caplog.records
    assert vars(record)["reason"] == "ZeroDivisionError: division by zero"


def test_a_stop_waits_no_longer_than_a_moment_and_begins_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(errands, "CLOSE_SECONDS", 0.05)
    gate, done = threading.Event(), list[int]()
    made = BackgroundTasks(at_once=False)
    made.do(lambda: print(end="" if gate.wait() else "?"))  # noqa: T201
    made.do(adding(done, 1))
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 5
    gate.set()
    wait_for(lambda: "errands" not in {thread.name for thread in threading.enumerate()})
    assert done == []


def test_what_found_no_thread_is_told_so_and_the_next_is_done(
    beside: BackgroundTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            beside.do(adding(done, 1))
    beside.do(adding(done, 2))
    wait_for(lambda: done == [2])


def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
