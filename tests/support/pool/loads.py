"""Functions that tests of the pool pass as `load`, mostly to inject a fault."""

import errno
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import current_process
from typing import Any, NoReturn

from runner.pool.fork.server_main import PROCESS_NAME
from runner.pool.keeper import keeper
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.keeper import install_signal_handlers
from tests.support.pool.calls import Report, entry


def load_raises() -> NoReturn:
    """Fail to load."""
    raise ImportError("no such \udcff library")


def load_exits() -> NoReturn:
    """Exit while loading."""
    os._exit(1)


def load_killed_twice(folder: str) -> Callable[[str, Report], str]:
    """Kill the loading process at the first two attempts."""
    killed = len(os.listdir(folder))
    if killed < 2:
        os.mkdir(f"{folder}/{killed}")
        os.kill(os.getpid(), signal.SIGKILL)
    return entry


def load_dying_keepers() -> Callable[[str, Report], str]:
    """Make each keeper exit before it is ready."""
    vars(keeper)["install_signal_handlers"] = lambda *_: os._exit(1)
    return entry


def load_numbers() -> Any:
    """Return an entry whose result is not a string."""
    return lambda request, report: 1


def load_and_print() -> Callable[[str, Report], str]:
    """Leave text in the buffer of standard output."""
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=False, write_through=False)
    sys.stdout.write("loaded ")
    return entry


def load_without_forks() -> Callable[[str, Report], str]:
    """Make forks of the fork server fail."""
    os.fork = _fork_fails
    return entry


def load_without_children() -> Callable[[str, Report], str]:
    """Let the fork server fork, but make forks of its children fail."""
    server, fork = os.getpid(), os.fork
    os.fork = lambda: fork() if os.getpid() == server else _fork_fails()
    return entry


def _fork_fails() -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def load_where_forks_fail() -> Callable[[str, Report], str]:
    """Make the second and third fork of a keeper fail."""
    fork, refused = os.fork, iter([False, True, True])

    def fork_or_fail() -> int:
        if current_process().name != PROCESS_NAME and next(refused, False):
            return _fork_fails()
        return fork()

    os.fork = fork_or_fail
    return entry


def load_slow_keepers() -> Callable[[str, Report], str]:
    """Make keepers start slowly."""

    def install_slowly(*arguments: Any) -> int:
        time.sleep(0.3)
        return install_signal_handlers(*arguments)

    vars(keeper)["install_signal_handlers"] = install_slowly
    return entry


def load_keepers_that_block_signals() -> Callable[[str, Report], str]:
    """Make keepers block all signals and never exit."""

    def block_signals(*_: object) -> NoReturn:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            time.sleep(60)

    vars(keeper)["install_signal_handlers"] = block_signals
    return entry


def load_keepers_killed_after_sending() -> Callable[[str, Report], str]:
    """Kill a keeper right after it has sent a call to its job process."""

    def send_and_die(process: JobProcess, *call: Any) -> None:
        send_call(process, *call)
        os.kill(os.getpid(), signal.SIGKILL)

    send_call = JobProcess.send_call
    JobProcess.send_call = send_and_die  # type: ignore[assignment, method-assign]
    return entry
