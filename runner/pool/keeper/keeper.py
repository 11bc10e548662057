"""A keeper: a process of the pool's executor that supervises one job process and runs no job.

    pool ─────── call, kill ──▶ keeper ──fork, request──▶ job process
      ▲                           │ ◀───progress, answer─────┘
      └─ progress; outcome, after ┘
         the call has left no process

A keeper announces the start of a call in shared memory (protocol/begun_calls.py), because a message
would wake the pool.

The whole life of a keeper is a single call of the executor: one executor call for each job would
cost more than a short job does. A keeper has one thread, because it forks.
"""

import contextlib
import gc
import os
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from runner.pool.job_process.loop import UNCONFINED, Confinement, Entry
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.limits_exceeded import LimitWatchdog
from runner.pool.keeper.orders import CallOrders
from runner.pool.keeper.signals import install_signal_handlers
from runner.pool.keeper.watch import (
    LEASE_ENDED,
    CallEnd,
    CallWatch,
    RunnerGone,
    WatchedDescriptors,
)
from runner.pool.linux import semaphores
from runner.pool.linux.job_access import JobAccess
from runner.pool.linux.kill_tree import ProcessUsage, kill_descendants
from runner.pool.linux.work_folders import JobFolder
from runner.pool.protocol import messages
from runner.pool.protocol.begun_calls import BegunCalls
from runner.pool.protocol.lease import Lease
from runner.pool.protocol.setup import KeeperArguments

T = TypeVar("T")

_NOT_RECEIVED = CallEnd("lost", ("Lost", "the job could not be received: too many open files"))
"""The kernel has dropped the descriptor of the request, because the keeper has too many open."""

_keeper: "Keeper | None" = None
"""The keeper of this process."""
_entry: Entry | None = None
"""The entry that the fork server has loaded. Forked processes inherit it."""
_loaded_semaphores: set[tuple[int, int]] = set()
"""The semaphores of modules that the entry has loaded. Job processes keep them."""
_confinement = UNCONFINED


def set_entry(entry: Entry, access: JobAccess | None = None) -> None:
    """Set the entry that all keepers forked from this process will run, and what it may access."""
    global _entry, _loaded_semaphores, _confinement
    _entry, _loaded_semaphores = entry, semaphores.mapped_semaphores()
    if access is not None:
        _confinement = Confinement(access.readable(), access.writable(), access.network)


def start(arguments: KeeperArguments) -> None:
    """Make this process a keeper. The executor calls this first in each of its processes."""
    global _keeper
    _keeper = Keeper(arguments)


def serve() -> NoReturn:
    """Run the calls that the pool sends to this keeper, until the runner ends."""
    assert _keeper is not None
    while True:
        _keeper.serve_one()


class Keeper:
    """Keeps one job process ready, runs calls in it, and replaces it."""

    def __init__(self, arguments: KeeperArguments):
        """Fork the first job process. Raises OSError."""
        self._limits = arguments.limits
        self._keep_fds = [each.descriptor for each in arguments.keep_fds]
        self._runner_folder_path = arguments.runner_folder_path
        self._call_id: str | None = None
        self._process: JobProcess | None = None
        self._slot, self._channel = arguments.take_slot()
        self._begun_calls = BegunCalls(arguments.begun_calls.descriptor)
        wakeup = install_signal_handlers(arguments.runner_pid, self._die)
        self._watched = WatchedDescriptors(
            CallOrders(self._channel), wakeup, Lease(arguments.lease.descriptor)
        )
        self._folder = JobFolder(
            arguments.runner_folder.descriptor, self._runner_folder_path, arguments.shared_files
        )
        assert _entry is not None
        self._entry = _entry
        # The executor has mapped these. A job that overwrites them could hang the worker.
        semaphores.keep_from_forks(semaphores.mapped_semaphores() - _loaded_semaphores)
        gc.freeze()  # keeps existing objects in memory pages that job processes share
        with contextlib.suppress(OSError):  # a full disk: tried again for the first call
            self._folder.prepare()
            self._ensure_process()
        self._send({"kind": "ready"})

    def serve_one(self) -> None:
        """Wait for a call, and run it."""
        message = self._read_orders(self._watched.orders.next_call)
        request = None if message.body is None else messages.read_text(message.body)
        self._call_id = message.fields["call_id"]
        try:
            self._run(message.fields, request)
        finally:
            # If this call made the keeper fail, `_die` must not report the call as not at fault.
            self._call_id = None

    def _run(self, call: dict[str, Any], request: str | None) -> None:
        call_id, timeout = call["call_id"], call["timeout"]
        # The lease is checked before the kill orders. A runner that sets a new lease has already
        # ordered the kill of every call of the old one. So a call that passes both checks belongs
        # to the current lease.
        if request is None or self._watched.lease.seconds_left() == 0.0:
            self._send_outcome(_NOT_RECEIVED if request is None else LEASE_ENDED, None)
            return
        if self._read_orders(lambda: self._watched.orders.is_killed(call_id)):
            self._send_outcome(CallEnd("killed"), None)
            return
        try:
            process, folder = self._ensure_process(), self._folder.prepare(call.get("file"))
        except OSError as error:
            reason = f"the keeper could not fork or make a folder: {error}"
            self._send_outcome(CallEnd("lost", ("Lost", reason)), None)
            return
        # Before the call is sent, so that a running call never appears to the pool as waiting.
        self._begun_calls.begin(self._slot, call["number"], process.pid)
        watchdog = LimitWatchdog(process.limits, self._folder.used_bytes)
        watch = CallWatch(self._watched, process, watchdog, call_id, timeout, self._limits.grace)
        process.send_call(request, timeout, folder)
        self._finish(process, watch)
        self._prepare_next(process)

    def _finish(self, process: JobProcess, watch: CallWatch) -> None:
        """Wait for the end of the call, remove all that it left, and then send the outcome."""
        try:
            end = watch.wait_for_end()
        except RunnerGone:
            self._die()
        seconds = time.monotonic() - watch.started_at
        if end.answer is None:
            usage = self._kill(process)
        else:
            usage = process.record_usage(end.answer)
            if end.kind == "out_of_memory" or process.has_stray_processes():
                self._kill(process)
        if not self._folder.discard() and self._process:
            self._kill(process)
        process.output.finish(self._channel, self._call_id or "")
        self._send_outcome(end, usage, seconds=seconds, pid=process.pid)

    def _prepare_next(self, process: JobProcess) -> None:
        """Prepare a job process and a folder while the keeper is idle."""
        if self._process and self._needs_replacement(process):
            self._kill(process)
        if self._watched.orders.has_next:
            return  # the next call is run at once, and prepares both
        with contextlib.suppress(OSError):  # tried again for the next call
            self._ensure_process()
            self._folder.prepare()

    def _needs_replacement(self, process: JobProcess) -> bool:
        return process.needs_replacement(self._limits.jobs_per_process, self._limits.max_kept_bytes)

    def _ensure_process(self) -> JobProcess:
        """Return the job process; a new one if there is none, or if it has died or has sent more
        than its answer. Raises OSError."""
        process = self._process
        if process and (process.exit_code() is not None or process.has_sent_more()):
            self._kill(process)
        if self._process is None:
            self._process = JobProcess(
                self._entry,
                self._keep_fds,
                self._limits,
                self._runner_folder_path,
                _confinement.within(self._folder.place()),
            )
        return self._process

    def _kill(self, process: JobProcess) -> ProcessUsage:
        self._process = None
        return process.kill()

    def _send_outcome(self, end: CallEnd, usage: ProcessUsage | None, **more: Any) -> None:
        """Send the fields of a `CallOutcome` to the pool."""
        error_type, error_message = end.error or (None, None)
        outcome = {
            "kind": end.kind,
            "error_type": error_type,
            "error_message": error_message,
            "retryable": end.answer is None or end.answer.retryable,
            "cpu_seconds": usage and usage.cpu_seconds,
            "peak_memory_bytes": usage and usage.peak_memory_bytes,
            "not_at_fault": end.kind == "lost" and end.answer is None,
            **more,
        }
        message = {"kind": "outcome", "call_id": self._call_id, "outcome": outcome}
        try:
            self._send(message, end.answer and end.answer.body)
        except OSError as error:  # a long body needs memory and a descriptor
            reason = f"the result could not be sent: {error}"
            outcome |= {"kind": "lost", "error_type": "Lost", "error_message": reason}
            self._send(message)

    def _send(self, fields: dict[str, Any], body: bytes | None = None) -> None:
        try:
            messages.send(self._channel, fields, body)
        except ConnectionError:
            self._die()  # the runner is gone

    def _read_orders(self, read: Callable[[], T]) -> T:
        """Call a method of `CallOrders`; the keeper dies if the runner is gone."""
        try:
            return read()
        except EOFError:
            self._die()

    def _die(self, *_: object) -> NoReturn:
        """Kill all descendants, report the call that this interrupts to the pool, and exit."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            kill_descendants()
            if self._call_id is not None:
                messages.send(self._channel, {"kind": "terminated", "call_id": self._call_id})
        finally:
            os._exit(128 + signal.SIGTERM)
