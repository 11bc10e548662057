"""A keeper: a worker of the pool's executor. It runs no job itself, but keeps one job process.

    pool ──(executor)── call ─▶ keeper ──fork, request──▶ job process
      ▲                           │ ◀───progress, answer─────┘
      └─ started, progress, ──────┘
         outcome, when nothing of the call is left

One thread, because it forks. Imports nothing of ours but the pool's.
"""

import contextlib
import gc
import os
import signal
import socket
import time
from typing import Any, NoReturn

from runner import messages, processes
from runner.job_loop import Entry
from runner.job_process import JobProcess
from runner.setup import SLOT_NUMBER, Setup
from runner.watch import Ears, Ending, RunnerGone, Watch

_REASON_LENGTH = 4000

_keeper: "Keeper | None" = None
"""The one that this process is."""


def start(setup: Setup) -> None:
    """Make this process a keeper: what the executor does first in each of its workers."""
    global _keeper
    _keeper = Keeper(setup)


def show_up() -> None:
    """Nothing to do: a call that makes the executor start one more keeper."""


def run(token: str, request: str, timeout: float | None) -> None:
    """Run one call in this keeper. All that comes of it goes over its channel to the pool."""
    assert _keeper is not None
    _keeper.run(token, request, timeout)


class Keeper:
    """Keeps one job process warm, runs calls in it, and replaces it."""

    def __init__(self, setup: Setup):
        """Load the entry and fork the first job process. Raises what the load raises."""
        self._setup = setup
        self._token: str | None = None
        self._process: JobProcess | None = None
        self._keep = [inherited.descriptor for inherited in setup.keep]
        self._channel = _take_slot(setup)
        self._ears = Ears(self._channel, self._heed_signals())
        self._entry = self._load()
        gc.collect()
        gc.freeze()  # keeps what is loaded in pages that are shared with the job processes
        self._living_process()
        self._send({"kind": "ready"})

    def run(self, token: str, request: str, timeout: float | None) -> None:
        """Run one call."""
        self._token = token
        try:
            self._run(token, request, timeout)
        finally:
            self._token = None  # if the keeper has failed at this call: that is not innocent then

    def _run(self, token: str, request: str, timeout: float | None) -> None:
        try:
            process = self._living_process()
        except OSError as error:
            lost = Ending("lost", ("Lost", f"the keeper could not fork: {error}"))
            self._tell(lost, processes.Used(), innocent=True)
            return
        self._send({"kind": "started", "token": token, "pid": process.pid})
        watch = Watch(self._ears, process, token, timeout, self._setup.limits.grace)
        process.ask(token, request, timeout)
        self._settle(process, watch)
        self._renew(process)

    def _settle(self, process: JobProcess, watch: Watch) -> None:
        """Wait for the end, leave nothing of the call behind, and only then tell the outcome."""
        try:
            ending = watch.ending()
        except RunnerGone:
            self._die()
        seconds = time.monotonic() - watch.started_at
        if ending.answer is None:
            used = self._kill(process)
        else:
            used = process.used_by(ending.answer)
            if process.has_leftovers():
                self._kill(process)
        self._tell(ending, used, seconds=seconds, pid=process.pid)

    def _renew(self, process: JobProcess) -> None:
        """Have a fresh job process ready, if the one there was is dead or worn."""
        limits = self._setup.limits
        if self._process and process.is_worn(limits.jobs_per_process, limits.max_process_bytes):
            self._kill(process)
        with contextlib.suppress(OSError):  # tried again for the next call
            self._living_process()

    def _living_process(self) -> JobProcess:
        """The job process, or a new one in the place of a dead one. Raises OSError."""
        if self._process and self._process.exit_code() is not None:
            self._kill(self._process)
        if self._process is None:
            limit = self._setup.limits.max_result_bytes
            self._process = JobProcess(self._entry, self._keep, limit)
        return self._process

    def _kill(self, process: JobProcess) -> processes.Used:
        self._process = None
        return process.kill()

    def _tell(self, ending: Ending, used: processes.Used, **more: Any) -> None:
        """Give the pool the outcome, in the words of its Outcome."""
        error_type, error_message = ending.error or (None, None)
        outcome = {
            "kind": ending.kind,
            "error_type": error_type,
            "error_message": error_message,
            "retryable": ending.answer is None or ending.answer.get("retryable", True),
            "cpu_seconds": used.cpu_seconds,
            "peak_memory_bytes": used.peak_memory_bytes,
            **more,
        }
        fields = {"kind": "outcome", "token": self._token, "outcome": outcome}
        self._send(fields, ending.result)
        messages.drop(ending.result)

    def _send(self, fields: dict[str, Any], text: messages.Text | None = None) -> None:
        try:
            messages.send(self._channel, fields, text)
        except ConnectionError:
            self._die()  # the runner is gone

    def _load(self) -> Entry:
        try:
            return self._setup.load()
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
            self._send({"kind": "load_failed", "reason": reason})
            raise

    def _heed_signals(self) -> int:
        """Die orderly with the runner and at its wish; returns what is readable after a signal.

        The pool has blocked SIGINT and SIGTERM in its keepers, until now. What a terminal or a
        process manager sends to the runner's whole process group is for the runner alone to heed.
        """
        os.setpgid(0, 0)
        early = signal.sigtimedwait({signal.SIGTERM}, 0)
        if early is not None and early.si_pid == self._setup.runner:
            self._die()
        wakeup, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _note)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal: the runner's to heed
        signal.signal(signal.SIGTERM, self._die)
        processes.adopt_orphans()
        processes.die_with_parent(self._setup.runner, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
        return wakeup

    def _die(self, *_: object) -> NoReturn:
        """Kill all below, say whose call that has cost, and exit."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            processes.kill_below()
            if self._token is not None:
                messages.send(self._channel, {"kind": "terminated", "token": self._token})
        finally:
            os._exit(128 + signal.SIGTERM)


def _take_slot(setup: Setup) -> socket.socket:
    """The channel of a slot that no other keeper has taken."""
    data = os.read(setup.slots.descriptor, SLOT_NUMBER.size)
    (number,) = SLOT_NUMBER.unpack(data)
    return socket.socket(fileno=setup.channels[number].descriptor)


def _note(*_: object) -> None:
    """What has to be there for Python to write to the wakeup descriptor."""
