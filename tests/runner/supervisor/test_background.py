"""Background tasks run in order beside the main loop, and their failures do not stop it."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runner.supervisor import background
from runner.supervisor.background import BackgroundTasks
from tests.support.waiting import wait_for


@pytest.fixture
def tasks() -> Iterator[BackgroundTasks]:
    tasks = BackgroundTasks(inline=False)
    yield tasks
    tasks.close()


def test_an_inline_task_runs_in_the_calling_thread_and_raises_to_the_caller() -> None:
    done: list[int] = []
    tasks = BackgroundTasks(inline=True)
    tasks.submit(lambda: done.append(threading.get_ident()))
    assert done == [threading.get_ident()]
    with pytest.raises(ZeroDivisionError):
        tasks.submit(lambda: print(1 / 0))  # noqa: T201
    tasks.close()


def test_submit_does_not_wait_and_tasks_run_in_order(tasks: BackgroundTasks) -> None:
    gate, done = threading.Event(), list[int]()

    def wait() -> None:
        gate.wait()
        done.append(0)

    tasks.submit(wait)
    for number in (1, 2, 3):
        tasks.submit(appending(done, number))
    assert done == []
    gate.set()
    wait_for(lambda: done == [0, 1, 2, 3])


def appending(done: list[int], number: int) -> Callable[[], None]:
    return lambda: done.append(number)


def test_a_failed_task_is_logged_and_the_next_one_runs(
    tasks: BackgroundTasks, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []
    tasks.submit(lambda: print(1 / 0))  # noqa: T201
    tasks.submit(appending(done, 1))
    wait_for(lambda: done == [1])
    (record,) = caplog.records
    assert vars(record)["reason"] == "ZeroDivisionError: division by zero"


def test_close_does_not_wait_for_a_task_that_hangs_and_starts_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "CLOSE_SECONDS", 0.05)
    gate, done = threading.Event(), list[int]()
    tasks = BackgroundTasks(inline=False)
    tasks.submit(lambda: print(end="" if gate.wait() else "?"))  # noqa: T201
    tasks.submit(appending(done, 1))
    began = time.monotonic()
    tasks.close()
    assert time.monotonic() - began < 5
    gate.set()
    wait_for(lambda: "background-tasks" not in {thread.name for thread in threading.enumerate()})
    assert done == []


def test_a_thread_that_cannot_be_started_raises_and_the_next_submit_tries_again(
    tasks: BackgroundTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            tasks.submit(appending(done, 1))
    tasks.submit(appending(done, 2))
    wait_for(lambda: done == [2])


def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
