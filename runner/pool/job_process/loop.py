"""The loop of a job process: it runs one call after the other.

request ─▶ set timer, limits ─▶ entry(request, report) ─▶ check result ─▶ lift both ─▶ answer
   ▲               └─ if the timer expires, the kernel kills the process                  │
   └──────────────────────────────────────────────────────────────────────────────────────┘
"""

import contextlib
import math
import mmap
import multiprocessing
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import NoReturn

from runner.pool.job_process.output import configure_output, redirect_output
from runner.pool.job_process.progress import ProgressReports
from runner.pool.job_process.results import (
    describe_exception,
    describe_memory_error,
    describe_traceback,
    validated_result,
)
from runner.pool.linux import file_modes, landlock, namespaces, processes, seccomp
from runner.pool.linux.work_folders import FILE, WORK
from runner.pool.protocol import messages
from runner.pool.protocol.log_frames import OutputEnds
from runner.pool.protocol.python_internals import forget_temporary_folder, forget_tracker
from runner.pool.protocol.setup import CallLimits, JobLimits
from storage.records.json_values import Json

_mappings: list[mmap.mmap] = []

Entry = Callable[[str, Callable[[str], None]], str]
"""entry(request, report_progress) returns the result as JSON text. It may raise any exception."""

_DEFAULT_SIGNALS = (
    "SIGTERM",
    "SIGALRM",
    "SIGCHLD",
    "SIGCONT",
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGXCPU",
)
_PEAK_TOLERANCE_BYTES = 1 << 20
"""The peak memory is reset only if it exceeds the current memory by more than this, because a reset
costs extra system calls. A smaller difference stays in the peak of the next call."""


@dataclass(frozen=True)
class Confinement:
    """The resources that a job process may use."""

    readable: tuple[str, ...] | None
    """The paths that it may read; None if access to files is not restricted."""
    writable: tuple[str, ...]
    network: bool
    view: namespaces.View | None = None
    """What it sees in a mount namespace of its own; None if it has none."""
    guarded: bool = False
    """Whether its keeper decides about its changes of modes."""

    def within(self, place: str) -> "Confinement":
        """Return this with the folders of attempts and of their files in a keeper's folder."""
        file, work = f"{place}/{FILE}", f"{place}/{WORK}"
        read = self.readable if self.readable is None else (*self.readable, file)
        view = self.view and self.view.having(os.path.realpath(file), os.path.realpath(work))
        return replace(self, readable=read, writable=(*self.writable, work), view=view)


UNCONFINED = Confinement(readable=None, writable=(), network=True)


def run_job_process(
    keeper: int,
    channel: socket.socket,
    keep_fds: Collection[int],
    entry: Entry,
    limits: CallLimits,
    output: OutputEnds,
    runner_folder_path: str,
    confinement: Confinement,
    guard: socket.socket | None = None,
) -> NoReturn:
    """Run calls until the keeper is gone. To be called in a process just forked by its keeper.

    `output` has the pipes to print to. `runner_folder_path` is the folder that contains the folders
    of all calls. `guard` leads to the keeper if that decides about changes of modes.
    """
    try:
        _hold(keep_fds)
        ends = [channel.fileno(), *([guard.fileno()] if guard else [])]
        _detach_from_keeper(keeper, [*ends, output.stdout, output.stderr])
        os.nice(limits.job.nice)
        _confine(confinement)
        seccomp.protect_other_processes()
        if guard:
            file_modes.send_listener(guard)
        loop = _Loop(channel, entry, limits, output, runner_folder_path)
        configure_output(output)
        # Not "spawn", which is left from the fork server's own start: processes that a job starts
        # with multiprocessing then know the modules of its job type.
        multiprocessing.set_start_method("fork", force=True)
        while True:
            loop.serve_one()
    except (EOFError, ConnectionError):
        os._exit(0)  # the keeper has closed the channel; exceptions of jobs are caught below
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


class _Loop:
    """The loop of a job process, and the objects that all of its calls share."""

    def __init__(
        self,
        channel: socket.socket,
        entry: Entry,
        limits: CallLimits,
        output: OutputEnds,
        runner_folder_path: str,
    ):
        """To be created before the first call, with signals reset."""
        self._channel, self._entry, self._output = channel, entry, output
        self._max_result_bytes = limits.max_result_bytes
        self._runner_folder_path = runner_folder_path
        self._limits = limits.job
        self._soft_limits = SoftLimits(limits.job)
        self._signal_masks = processes.parse_signal_masks(
            processes.read_or_empty("/proc/self/status")
        )

    def serve_one(self) -> None:
        """Receive one request, run it, and send the answer."""
        message = messages.receive(self._channel, wait=True)
        assert message is not None
        assert message.body is not None
        request = messages.read_text(message.body)
        pid, cpu_before, nonce = os.getpid(), processes.cpu_seconds(), message.fields["nonce"]
        redirect_output(self._output)
        answer, body = self._answer(request, message.fields)
        if os.getpid() != pid:
            os._exit(1)  # a process that the job forked has returned from the job's code
        answer["cpu_seconds"] = processes.cpu_seconds() - cpu_before
        answer["peak_memory_bytes"], answer["memory_bytes"] = self._undo_effects()
        _flush()
        messages.send(self._channel, {**answer, "nonce": nonce}, body)

    def _answer(self, request: str, call: Json) -> tuple[Json, bytes | None]:
        """Run the entry with timer and limits set; returns the answer and its body."""
        limits = self._soft_limits.limits = self._limits.narrowed(call.get("limits"))
        try:
            with self._soft_limits:
                signal.setitimer(signal.ITIMER_REAL, call["timeout"] or 0)
                _enter(f"{self._runner_folder_path}/{call['folder']}")
                result = self._entry(request, ProgressReports(self._channel, call["nonce"]))
                return {"kind": "returned"}, validated_result(result, self._max_result_bytes)
        except MemoryError as error:
            fields = describe_memory_error(error, limits)
            return {"kind": "out_of_memory", **fields}, describe_traceback(error)
        except BaseException as error:  # SystemExit and KeyboardInterrupt end only the job, too
            fields = describe_exception(error, limits)
            return {"kind": "raised", **fields}, describe_traceback(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _undo_effects(self) -> tuple[int, int]:
        """Undo effects of the call on this process; returns its peak and current resident memory in
        bytes.

        The signals are reset only if /proc/self/status shows that the call has changed them,
        because a reset takes longer than a short call. If the timer of the call has expired while
        SIGALRM was blocked, unblocking it ends the process here.
        """
        status = processes.read_or_empty("/proc/self/status")
        is_sigint_unchanged = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not is_sigint_unchanged or processes.parse_signal_masks(status) != self._signal_masks:
            reset_signals()
        peak, current = processes.parse_memory(status)
        if peak - current > _PEAK_TOLERANCE_BYTES:
            processes.reset_peak_memory()
        return peak, current


class SoftLimits:
    """A reusable context manager that sets the soft limits of this process and restores them.

    They are set while the job runs and lifted while its process sends the answer. Processes that
    the job starts inherit them; each limit applies to each process separately. The limits guard
    against accidents: a job can lift them on purpose.
    """

    def __init__(self, limits: JobLimits):
        self.limits = limits
        self._data = resource.getrlimit(resource.RLIMIT_DATA)
        others = (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)
        self._others = {which: resource.getrlimit(which) for which in others}

    def __enter__(self) -> None:
        limits = self.limits
        wanted = {
            resource.RLIMIT_DATA: limits.memory_bytes,
            resource.RLIMIT_CPU: limits.cpu_seconds
            and math.ceil(processes.cpu_clock()) + limits.cpu_seconds,
            resource.RLIMIT_FSIZE: limits.file_bytes,
        }
        for which, soft in wanted.items():
            if soft is not None:
                _set_soft(which, soft)

    def __exit__(self, *_: object) -> None:
        # RLIMIT_DATA first, with a tuple made earlier: no memory may be left to allocate.
        try:
            resource.setrlimit(resource.RLIMIT_DATA, self._data)
        except ValueError:  # the job has lowered the hard limit as well
            _set_soft(resource.RLIMIT_DATA, self._data[0])
        for which, before in self._others.items():
            if resource.getrlimit(which) != before:
                _set_soft(which, before[0])


def _set_soft(which: int, soft: int) -> None:
    """Set a soft limit, at most to the current hard limit, which the job may have lowered."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(which, (soft, hard))


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
    # The tracker of multiprocessing belongs to all jobs, and prints to the log of the worker.
    forget_tracker()
    processes.close_descriptors_except(keep_fds)
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
    """Give up the rights that jobs do not need. Raises OSError if one cannot be given up."""
    if allowed.view:
        namespaces.enter(allowed.view)
    landlock.restrict_self(allowed.readable, allowed.writable)
    if not allowed.network:
        seccomp.block_network()


def _enter(folder: str) -> None:
    """Make a folder the working folder, HOME, and the folder for temporary files."""
    os.chdir(folder)
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    forget_temporary_folder()  # it could belong to an earlier job


def reset_signals() -> None:
    """Reset signal handlers and mask, so that timeouts and graceful kills work after any job."""
    for name in _DEFAULT_SIGNALS:
        signal.signal(signal.Signals[name], signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # Python's default: write() raises OSError
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _flush() -> None:
    """Write buffered output: the process may be killed before it exits normally."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
