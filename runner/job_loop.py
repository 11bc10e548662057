"""What runs inside a job process: one call after the other. Imports nothing of ours but the pool's.

request ─▶ timer on ─▶ entry(request, report) ─▶ proof of the result ─▶ timer off ─▶ answer
   ▲           └─ when the time is over, the kernel ends the process                    │
   └────────────────────────────────────────────────────────────────────────────────────┘
"""

import contextlib
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Collection
from functools import partial
from multiprocessing import resource_tracker
from typing import Any, NoReturn

from runner import messages, processes

Entry = Callable[[str, Callable[[str], None]], str]
"""entry(request, report_progress) -> the result as JSON text; raises what it likes."""

_TYPE_LENGTH = 200
_MESSAGE_LENGTH = 4000
_TO_DEFAULT = ("SIGTERM", "SIGALRM", "SIGCHLD", "SIGHUP", "SIGUSR1", "SIGUSR2")


class InvalidResult(Exception):
    """The entry returned something else than JSON text."""

    retryable = False


class ResultTooLarge(Exception):
    """The result has more bytes than a result may have."""

    retryable = False


def live(
    keeper: int,
    channel: socket.socket,
    keep: Collection[int],
    entry: Entry,
    max_result_bytes: int,
) -> NoReturn:
    """Be a job process, just forked from its keeper, until the keeper is gone."""
    try:
        _settle_in(keeper, [channel.fileno(), *keep])
        while True:
            _serve(channel, entry, max_result_bytes)
    except (EOFError, ConnectionError):
        os._exit(0)  # the keeper listens no more; what a job raises does not get here
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _settle_in(keeper: int, keep: Collection[int]) -> None:
    """Leave the keeper's signals, session, standard input and descriptors behind."""
    processes.die_with_parent(keeper, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    _reset_signals()
    os.setsid()
    # The tracker of shared memory and semaphores serves all processes below the runner.
    tracker = resource_tracker.getfd()
    processes.close_descriptors_but(keep if tracker is None else [*keep, tracker])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if nothing > 0:
        os.close(nothing)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old one is closed
    processes.be_first_to_be_killed()
    # A dump of the memory would delay the news of a crash by seconds.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _reset_signals() -> None:
    """Undo what a job may have done, so that a timeout and a kill with grace work in the next."""
    for name in _TO_DEFAULT:
        signal.signal(signal.Signals[name], signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _serve(channel: socket.socket, entry: Entry, max_result_bytes: int) -> None:
    """Take one request and answer it."""
    message = messages.receive(channel, wait=True)
    assert message is not None
    assert message.text is not None
    request = messages.read(message.text)
    me, cpu_before = os.getpid(), processes.cpu_seconds()
    _reset_signals()
    processes.forget_peak_memory()
    report = partial(_report, channel, message.fields["token"])
    call = partial(_proved_result, partial(entry, request, report), max_result_bytes)
    answer, result = _answer(call, message.fields["timeout"])
    if os.getpid() != me:
        os._exit(1)  # a process that the job forked has come out of the job's own code
    answer["cpu_seconds"] = processes.cpu_seconds() - cpu_before
    answer["peak_memory_bytes"], _ = processes.memory_of(me)
    _flush()
    messages.send(channel, answer, result)


def _answer(
    call: Callable[[], bytes], timeout: float | None
) -> tuple[dict[str, Any], bytes | None]:
    """What came of the call, with the timer on; and its result, if there is one."""
    try:
        signal.setitimer(signal.ITIMER_REAL, timeout or 0)
        return {"kind": "returned"}, call()
    except BaseException as error:  # SystemExit and KeyboardInterrupt end only the job, too
        return {"kind": "raised", **_described(error)}, None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _proved_result(call: Callable[[], str], max_bytes: int) -> bytes:
    """The result of a call, proved to be JSON within bounds."""
    text = call()
    if not isinstance(text, str):
        raise InvalidResult(f"a result is JSON text, not of type {type(text).__name__}")
    try:
        data = text.encode()
        if len(data) > max_bytes:
            raise ResultTooLarge(f"the result has {len(data)} bytes, more than {max_bytes}")
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidResult(f"the result is not JSON: {error}") from error
    return data


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _described(error: BaseException) -> dict[str, Any]:
    """An exception in words: most of its kind cannot be trusted to cross as objects."""
    try:
        text, retryable = str(error), bool(getattr(error, "retryable", True))
    except BaseException as second:
        text, retryable = f"its message cannot be had ({type(second).__name__})", True
    return {
        "error_type": _clean(type(error).__name__[:_TYPE_LENGTH]),
        "error_message": _clean(text[:_MESSAGE_LENGTH]),
        "retryable": retryable,
    }


def _report(channel: socket.socket, token: str, text: str) -> None:
    """Tell the keeper how far the job is. Dropped if it is too long, or if it had to wait."""
    if not isinstance(text, str):
        raise TypeError(f"progress is text, not of type {type(text).__name__}")
    messages.send_at_once(channel, {"kind": "progress", "token": token, "text": _clean(text)})


def _clean(text: str) -> str:
    """Without lone surrogates, which fit no pipe and no database."""
    return text.encode("utf-8", "backslashreplace").decode()


def _flush() -> None:
    """Print what is buffered; the process may be killed before it ends by itself."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
