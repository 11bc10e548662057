"""The loop of a job process: it runs one call after the other.

request ─▶ set timer, limits ─▶ entry(request, report) ─▶ check result ─▶ lift both ─▶ answer
   ▲               └─ if the timer expires, the kernel kills the process                  │
   └──────────────────────────────────────────────────────────────────────────────────────┘
"""

import contextlib
import mmap
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import process as multiprocessing_process
from multiprocessing import resource_tracker
from typing import Any, NoReturn

from runner.pool.job_process.clean_up import CleanUp, reset_signals
from runner.pool.job_process.results import (
    describe_exception,
    describe_memory_error,
    validated_progress,
    validated_result,
)
from runner.pool.job_process.tracebacks import describe_traceback
from runner.pool.linux import landlock, network_filter, processes, seccomp
from runner.pool.linux.limits import JobLimits, SoftLimits
from runner.pool.linux.work_folders import FILE, WORK
from runner.pool.protocol import messages
from runner.pool.protocol.output import configure_output, redirect_output

_mappings: list[mmap.mmap] = []

Entry = Callable[[str, Callable[[str], None]], str]
"""entry(request, report_progress) returns the result as JSON text. It may raise any exception."""


@dataclass(frozen=True)
class Confinement:
    """What a job process may use."""

    readable: tuple[str, ...] | None
    """The paths that it may read; None if access to files is not restricted."""
    writable: tuple[str, ...]
    network: bool

    def within(self, place: str) -> "Confinement":
        """Return this with the folders of attempts and of their files in a keeper's folder."""
        read = self.readable if self.readable is None else (*self.readable, f"{place}/{FILE}")
        return replace(self, readable=read, writable=(*self.writable, f"{place}/{WORK}"))


UNCONFINED = Confinement(readable=None, writable=(), network=True)


@dataclass(frozen=True)
class LimitedEntry:
    """The entry, with the limits of its results and resources."""

    entry: Entry
    max_result_bytes: int
    limits: JobLimits
    output: int
    """The descriptor to print to; -1 for the output of the keeper."""
    runner_folder_path: str
    """The folder that contains the folders of all calls."""
    confinement: Confinement


def run_job_process(
    keeper: int,
    channel: socket.socket,
    keep_fds: Collection[int],
    limited_entry: LimitedEntry,
) -> NoReturn:
    """Run calls until the keeper is gone. To be called in a process just forked by its keeper."""
    try:
        _hold(keep_fds)
        _detach_from_keeper(keeper, [channel.fileno(), limited_entry.output])
        os.nice(limited_entry.limits.nice)
        _confine(limited_entry.confinement)
        seccomp.protect_limits_of_others()
        soft_limits, clean_up = SoftLimits(limited_entry.limits), CleanUp()
        configure_output()
        while True:
            _serve_one(channel, limited_entry, soft_limits, clean_up)
    except (EOFError, ConnectionError):
        os._exit(0)  # the keeper has closed the channel; exceptions of jobs are caught below
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _hold(lock_files: Collection[int]) -> None:
    """Hold files open without a descriptor, by a mapping: a lock lasts as long as either exists,
    but a job could free it with a descriptor. The files must not be empty."""
    for file in lock_files:
        # The descriptor inside the object is closed with all others.
        _mappings.append(mmap.mmap(file, 1, prot=mmap.PROT_READ))


def _detach_from_keeper(keeper: int, keep_fds: Collection[int]) -> None:
    """Drop the keeper's signal handlers, session, standard input and descriptors."""
    processes.die_with_parent(keeper, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    reset_signals()
    os.setsid()
    # All processes below the runner share one tracker of shared memory and semaphores.
    tracker = resource_tracker.getfd()
    kept = keep_fds if tracker is None else [*keep_fds, tracker]
    processes.close_descriptors_except(kept)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if null > 0:
        os.close(null)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old one is closed
    processes.set_process_name("job")
    processes.raise_oom_score()
    # Writing a core dump would delay the report of a crash by seconds.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _confine(allowed: Confinement) -> None:
    """Give up the rights that jobs do not need. Raises OSError if the network cannot be blocked."""
    landlock.restrict_self(allowed.readable, allowed.writable)
    if not allowed.network:
        network_filter.block_network()


def _serve_one(
    channel: socket.socket, limited_entry: LimitedEntry, soft_limits: SoftLimits, clean_up: CleanUp
) -> None:
    """Receive one request, run it, and send the answer."""
    message = messages.receive(channel, wait=True)
    assert message is not None
    assert message.body is not None
    request = messages.read_text(message.body)
    pid, cpu_before, nonce = os.getpid(), processes.cpu_seconds(), message.fields["nonce"]
    redirect_output(limited_entry.output)
    report = partial(_report, channel, nonce)
    folder = f"{limited_entry.runner_folder_path}/{message.fields['folder']}"
    entry = partial(_run_in_folder, folder, limited_entry.entry, request, report)
    call = partial(validated_result, entry, limited_entry.max_result_bytes)
    answer, body = _answer(call, message.fields["timeout"], soft_limits)
    if os.getpid() != pid:
        os._exit(1)  # a process that the job forked has returned from the job's code
    answer["cpu_seconds"] = processes.cpu_seconds() - cpu_before
    answer["peak_memory_bytes"], answer["memory_bytes"] = clean_up()
    _flush()
    messages.send(channel, {**answer, "nonce": nonce}, body)


def _run_in_folder(folder: str, entry: Entry, request: str, report: Callable[[str], None]) -> str:
    """Run the entry in its folder, which is also HOME and the folder for temporary files."""
    os.chdir(folder)
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    # multiprocessing remembers a temporary folder, which could belong to an earlier job.
    getattr(multiprocessing_process.current_process(), "_config", {}).pop("tempdir", None)
    return entry(request, report)


def _answer(
    call: Callable[[], bytes], timeout: float | None, soft_limits: SoftLimits
) -> tuple[dict[str, Any], bytes | None]:
    """Run the call with timer and limits set; returns the answer and its body."""
    try:
        with soft_limits:
            signal.setitimer(signal.ITIMER_REAL, timeout or 0)
            return {"kind": "returned"}, call()
    except MemoryError as error:
        fields = describe_memory_error(error, soft_limits.limits)
        return {"kind": "out_of_memory", **fields}, describe_traceback(error)
    except BaseException as error:  # SystemExit and KeyboardInterrupt end only the job, too
        fields = describe_exception(error, soft_limits.limits)
        return {"kind": "raised", **fields}, describe_traceback(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _report(channel: socket.socket, nonce: str, text: str) -> None:
    """Send progress to the keeper. It is dropped if it is too long or the channel is full."""
    fields = {"kind": "progress", "nonce": nonce, "text": validated_progress(text)}
    messages.try_send(channel, fields)


def _flush() -> None:
    """Write buffered output: the process may be killed before it exits normally."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
