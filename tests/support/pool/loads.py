"""What tests of the pool have it load, instead of `calls.load`."""

import errno
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import current_process
from typing import Any, NoReturn

from runner.pool.fork.server import PROCESS_NAME
from runner.pool.keeper import keeper
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.signals import install_signal_handlers
from tests.support.pool.calls import Report, entry


def load_nothing() -> NoReturn:
    """What cannot be loaded."""
    raise ImportError("no such \udcff library")


def load_and_die() -> NoReturn:
    """What is dead before it is loaded."""
    os._exit(1)


def load_killed_twice(folder: str) -> Callable[[str, Report], str]:
    """What can be loaded by a process that nobody kills meanwhile, as two are."""
    killed = len(os.listdir(folder))
    if killed < 2:
        os.mkdir(f"{folder}/{killed}")
        os.kill(os.getpid(), signal.SIGKILL)
    return entry


def load_what_ends_keepers() -> Callable[[str, Report], str]:
    """What can be loaded, and be the end of each keeper before it is ready."""
    vars(keeper)["install_signal_handlers"] = lambda *_: os._exit(1)
    return entry


def load_numbers() -> Any:
    """An entry that returns no text."""
    return lambda request, report: 1


def load_and_print() -> Callable[[str, Report], str]:
    """What leaves something in the buffer of the keeper's standard output."""
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=False, write_through=False)
    sys.stdout.write("loaded ")
    return entry


def load_without_forks() -> Callable[[str, Report], str]:
    """A system that does not let the fork server fork."""
    os.fork = _fork_fails
    return entry


def load_without_children() -> Callable[[str, Report], str]:
    """A system that lets the fork server fork, but not that which it forks."""
    server, fork = os.getpid(), os.fork
    os.fork = lambda: fork() if os.getpid() == server else _fork_fails()
    return entry


def _fork_fails() -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def load_where_forks_fail() -> Callable[[str, Report], str]:
    """A system that lets a keeper fork once, refuses it twice, and then lets it again."""
    fork, refused = os.fork, iter([False, True, True])

    def fork_or_fail() -> int:
        if current_process().name != PROCESS_NAME and next(refused, False):
            return _fork_fails()
        return fork()

    os.fork = fork_or_fail
    return entry


def load_slow_keepers() -> Callable[[str, Report], str]:
    """Keepers that take their time to be ready."""

    def heed_slowly(*given: Any) -> int:
        time.sleep(0.3)
        return install_signal_handlers(*given)

    vars(keeper)["install_signal_handlers"] = heed_slowly
    return entry


def load_deaf_keepers() -> Callable[[str, Report], str]:
    """Keepers that let no signal through that can be blocked, and have no end."""

    def be_deaf(*_: object) -> NoReturn:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            time.sleep(60)

    vars(keeper)["install_signal_handlers"] = be_deaf
    return entry


def load_what_kills_keepers_at_the_hand_over() -> Callable[[str, Report], str]:
    """A keeper that has just given a call to its job process is killed."""

    def ask_and_die(process: JobProcess, *call: Any) -> None:
        ask(process, *call)
        os.kill(os.getpid(), signal.SIGKILL)

    ask = JobProcess.send_call
    JobProcess.send_call = ask_and_die  # type: ignore[assignment, method-assign]
    return entry
