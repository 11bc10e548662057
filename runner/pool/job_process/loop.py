"""What runs inside a job process: one call after the other. Imports nothing of ours but the pool's.

request ─▶ timer, limits on ─▶ entry(request, report) ─▶ proof of the result ─▶ off ─▶ answer
   ▲              └─ when the time is over, the kernel ends the process                   │
   └──────────────────────────────────────────────────────────────────────────────────────┘
"""

import contextlib
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from multiprocessing import process as this_process
from multiprocessing import resource_tracker
from typing import Any, NoReturn

from runner.pool.job_process.clean_up import CleanUp, reset_signals
from runner.pool.job_process.results import clean, described, proved_result, refused_memory
from runner.pool.linux import landlock, processes
from runner.pool.linux.limits import JobLimits, Limited
from runner.pool.protocol import messages
from runner.pool.protocol.output import print_by_lines, print_to

Entry = Callable[[str, Callable[[str], None]], str]
"""entry(request, report_progress) -> the result as JSON text; raises what it likes."""


@dataclass(frozen=True)
class LimitedEntry:
    """The entry, with the bounds of its result and of what it may use."""

    entry: Entry
    max_result_bytes: int
    limits: JobLimits
    output: int
    """Where it prints to; -1 for where the keeper does."""
    place: str
    """The path of what has the folders of all calls."""


def live(
    keeper: int,
    channel: socket.socket,
    keep: Collection[int],
    bounded: LimitedEntry,
) -> NoReturn:
    """Be a job process, just forked from its keeper, until the keeper is gone."""
    try:
        _settle_in(keeper, [channel.fileno(), bounded.output, *keep])
        os.nice(bounded.limits.nice)
        landlock.shut_in()
        limited, clean_up = Limited(bounded.limits), CleanUp()
        print_by_lines()
        while True:
            _serve(channel, bounded, limited, clean_up)
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
    reset_signals()
    os.setsid()
    # The tracker of shared memory and semaphores serves all processes below the runner.
    tracker = resource_tracker.getfd()
    processes.close_descriptors_but(keep if tracker is None else [*keep, tracker])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if nothing > 0:
        os.close(nothing)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old one is closed
    processes.set_name("job")
    processes.be_first_to_be_killed()
    # A dump of the memory would delay the news of a crash by seconds.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _serve(
    channel: socket.socket, bounded: LimitedEntry, limited: Limited, clean_up: CleanUp
) -> None:
    """Take one request and answer it."""
    message = messages.receive(channel, wait=True)
    assert message is not None
    assert message.text is not None
    request = messages.read(message.text)
    me, cpu_before = os.getpid(), processes.cpu_seconds()
    print_to(bounded.output)
    report = partial(_report, channel, message.fields["token"])
    folder = f"{bounded.place}/{message.fields['folder']}"
    entry = partial(_run_in, folder, bounded.entry, request, report)
    call = partial(proved_result, entry, bounded.max_result_bytes)
    answer, result = _answer(call, message.fields["timeout"], limited)
    if os.getpid() != me:
        os._exit(1)  # a process that the job forked has come out of the job's own code
    answer["cpu_seconds"] = processes.cpu_seconds() - cpu_before
    answer["peak_memory_bytes"], answer["memory_bytes"] = clean_up()
    _flush()
    messages.send(channel, answer, result)


def _run_in(folder: str, entry: Entry, request: str, report: Callable[[str], None]) -> str:
    """Run the entry in a folder, which is also that for temporary files and of what it starts."""
    os.chdir(folder)
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    getattr(this_process.current_process(), "_config", {}).pop("tempdir", None)  # of a job before
    return entry(request, report)


def _answer(
    call: Callable[[], bytes], timeout: float | None, limited: Limited
) -> tuple[dict[str, Any], bytes | None]:
    """What came of the call, with timer and limits on; and its result, if there is one."""
    try:
        with limited:
            signal.setitimer(signal.ITIMER_REAL, timeout or 0)
            return {"kind": "returned"}, call()
    except MemoryError as error:
        return {"kind": "out_of_memory", **refused_memory(error, limited.limits)}, None
    except BaseException as error:  # SystemExit and KeyboardInterrupt end only the job, too
        return {"kind": "raised", **described(error, limited.limits)}, None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _report(channel: socket.socket, token: str, text: str) -> None:
    """Tell the keeper how far the job is. Dropped if it is too long, or if it had to wait."""
    if not isinstance(text, str):
        raise TypeError(f"progress is text, not of type {type(text).__name__}")
    messages.send_at_once(channel, {"kind": "progress", "token": token, "text": clean(text)})


def _flush() -> None:
    """Print what is buffered; the process may be killed before it ends by itself."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
