"""A keeper: a worker of the pool's executor. It runs no job itself, but keeps one job process.

    pool ─────── call, kill ──▶ keeper ──fork, request──▶ job process
      ▲                           │ ◀───progress, answer─────┘
      └─ progress; outcome, when ─┘
         nothing of the call is left

Which call it has begun it says by a mark, see runner/pool/protocol/begun_calls.py: a message would wake the pool.

All its life is one call of the executor: one for each job would cost more than a short job does.
One thread, because it forks. Imports nothing of ours but the pool's.
"""

import contextlib
import gc
import os
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from runner.pool.job_process.loop import Entry
from runner.pool.keeper import ending
from runner.pool.keeper.ending import LEASE_ENDED, NOT_RECEIVED, CallEnd
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.limits_exceeded import LimitWatchdog
from runner.pool.keeper.orders import CallOrders
from runner.pool.keeper.signals import heed_signals
from runner.pool.keeper.watch import CallWatch, RunnerGone, WatchedDescriptors
from runner.pool.linux import processes
from runner.pool.linux.work_folders import WorkFolder
from runner.pool.protocol import messages
from runner.pool.protocol.begun_calls import BegunCalls
from runner.pool.protocol.lease import Lease
from runner.pool.protocol.setup import KeeperArguments

T = TypeVar("T")

_keeper: "Keeper | None" = None
"""The one that this process is."""
_entry: Entry | None = None
"""What the fork server has loaded, and so all that it forks have."""


def hold(entry: Entry) -> None:
    """Have all keepers that will be forked from this process run this entry."""
    global _entry
    _entry = entry


def start(setup: KeeperArguments) -> None:
    """Make this process a keeper: what the executor does first in each of its workers."""
    global _keeper
    _keeper = Keeper(setup)


def serve() -> NoReturn:
    """Run the calls that come over the channel of this keeper, until it ends with its runner."""
    assert _keeper is not None
    while True:
        _keeper.serve_one()


class Keeper:
    """Keeps one job process warm, runs calls in it, and replaces it."""

    def __init__(self, setup: KeeperArguments):
        """Fork the first job process. Raises OSError."""
        self._setup = setup
        self._token: str | None = None
        self._process: JobProcess | None = None
        self._given = [each.descriptor for each in setup.keep], setup.limits, setup.work_path
        self._slot, self._channel = setup.take_slot()
        self._marks = BegunCalls(setup.marks.descriptor)
        wakeup = heed_signals(setup.runner, self._die)
        self._ears = WatchedDescriptors(
            CallOrders(self._channel), wakeup, Lease(setup.lease.descriptor)
        )
        self._folder = WorkFolder(setup.work.descriptor, setup.work_path)
        assert _entry is not None
        self._entry = _entry
        gc.freeze()  # keeps what there is in pages that are shared with the job processes
        self._living_process()
        with contextlib.suppress(OSError):  # tried again for the first call
            self._folder.give()
        self._send({"kind": "ready"})

    def serve_one(self) -> None:
        """Wait for a call, and run it."""
        message = self._ask_orders(self._ears.orders.next_call)
        request = None if message.text is None else messages.read(message.text)
        self._token = message.fields["token"]
        try:
            self._run(message.fields, request)
        finally:
            self._token = None  # if the keeper has failed at this call: that is not innocent then

    def _run(self, call: dict[str, Any], request: str | None) -> None:
        token, timeout = call["token"], call["timeout"]
        # In this order: before a runner takes up a new lease, it has all killed of the old one.
        if request is None or self._ears.lease.left() == 0.0:  # the pool was stopped with the call
            self._tell(NOT_RECEIVED if request is None else LEASE_ENDED, None)
            return
        if self._ask_orders(lambda: self._ears.orders.is_killed(token)):
            self._tell(CallEnd("killed"), None)
            return
        try:
            process, folder = self._living_process(), self._folder.give()
        except OSError as error:
            self._tell(ending.lost(f"the keeper could not fork or make a folder: {error}"), None)
            return
        # First, so that no call runs which the pool takes for one that waits.
        self._marks.begin(self._slot, call["number"], process.pid)
        excess = LimitWatchdog(process.limits, self._folder.used)
        watch = CallWatch(self._ears, process, excess, token, timeout, self._setup.limits.grace)
        process.ask(token, request, timeout, folder)
        self._settle(process, watch)
        self._renew(process)

    def _settle(self, process: JobProcess, watch: CallWatch) -> None:
        """Wait for the end, leave nothing of the call behind, and only then tell the outcome."""
        try:
            ended = watch.ending()
        except RunnerGone:
            self._die()
        seconds = time.monotonic() - watch.started_at
        if ended.answer is None:
            used = self._kill(process)
        else:
            used = process.used_by(ended.answer)
            if ended.kind == "out_of_memory" or process.has_leftovers():
                self._kill(process)
        self._folder.take_back()
        process.output.finish(self._channel, self._token or "")
        self._tell(ended, used, seconds=seconds, pid=process.pid)

    def _renew(self, process: JobProcess) -> None:
        """Have a fresh job process and a folder ready: the next call needs no room for them."""
        if self._process and self._is_worn(process):
            self._kill(process)
        if self._ears.orders.has_next:
            return  # it comes at once, and sees to both
        with contextlib.suppress(OSError):  # tried again for the next call
            self._living_process()
            self._folder.give()

    def _is_worn(self, process: JobProcess) -> bool:
        limits = self._setup.limits
        return process.is_worn(limits.jobs_per_process, limits.max_kept_bytes)

    def _living_process(self) -> JobProcess:
        """The job process, or a new one in the place of a dead one. Raises OSError."""
        if self._process and self._process.exit_code() is not None:
            self._kill(self._process)
        if self._process is None:
            self._process = JobProcess(self._entry, *self._given)
        return self._process

    def _kill(self, process: JobProcess) -> processes.ProcessUsage:
        self._process = None
        return process.kill()

    def _tell(self, ended: CallEnd, used: processes.ProcessUsage | None, **more: Any) -> None:
        """Give the pool the outcome, in the words of its Outcome."""
        error_type, error_message = ended.error or (None, None)
        outcome = {
            "kind": ended.kind,
            "error_type": error_type,
            "error_message": error_message,
            "retryable": ended.answer is None or ended.answer.get("retryable", True),
            "cpu_seconds": used and used.cpu_seconds,
            "peak_memory_bytes": used and used.peak_memory_bytes,
            "innocent": ended.kind == "lost",
            **more,
        }
        self._send({"kind": "outcome", "token": self._token, "outcome": outcome}, ended.result)
        messages.drop(ended.result)

    def _send(self, fields: dict[str, Any], text: messages.Text | None = None) -> None:
        try:
            messages.send(self._channel, fields, text)
        except ConnectionError:
            self._die()  # the runner is gone

    def _ask_orders(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except EOFError:
            self._die()

    def _die(self, *_: object) -> NoReturn:
        """Kill all below, say whose call that has cost, and exit."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            processes.kill_below()
            if self._token is not None:
                messages.send(self._channel, {"kind": "terminated", "token": self._token})
        finally:
            os._exit(128 + signal.SIGTERM)
