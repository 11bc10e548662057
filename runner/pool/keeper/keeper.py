"""A keeper: a process of the pool's executor that supervises one job process and runs no job.

    pool ─────── call, kill ──▶ keeper ──fork, request──▶ job process
      ▲                           │ ◀───progress, answer─────┘
      └─ progress; outcome, after ┘
         the call has left no process

A keeper announces the start of a call in shared memory (`BegunCalls`), because a message would wake
the pool.

The whole life of a keeper is a single call of the executor: one executor call for each job would
cost more than a short job does. A keeper has one thread, because it forks.
"""

import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import NoReturn

from runner.pool.job_process.loop import UNCONFINED, Confinement, Entry
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.watch import (
    CallOrders,
    CallWatch,
    lease_ended,
    lost,
    network_not_blocked,
)
from runner.pool.linux import processes, seccomp, semaphores
from runner.pool.linux.cgroups import SlotCgroup
from runner.pool.linux.landlock import JobAccess
from runner.pool.linux.processes import ProcessUsage, kill_descendants
from runner.pool.linux.work_folders import JobFolder
from runner.pool.protocol import messages
from runner.pool.protocol.setup import USUAL, KeeperArguments, Needs, Slot
from runner.pool.protocol.shared_memory import BegunCalls, Lease
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job_limits import OwnLimits
from storage.records.json_values import Json

_keeper: "Keeper | None" = None
"""The keeper of this process."""
_entry: Entry | None = None
"""The entry that the fork server has loaded. Forked processes inherit it."""
_loaded_semaphores: set[tuple[int, int]] = set()
"""The semaphores of modules that the entry has loaded. Job processes keep them."""
_confinement = UNCONFINED
_needs: dict[str, Needs] = {}
"""What calls need of their process, by job type; those of other types have the usual needs."""


def set_entry(entry: Entry, access: JobAccess | None = None) -> None:
    """Set the entry that all keepers forked from this process will run, and what it may access."""
    global _entry, _loaded_semaphores, _confinement, _needs
    _entry, _loaded_semaphores = entry, semaphores.mapped_semaphores()
    _needs = {name: Needs(*each) for name, each in getattr(entry, "needs", {}).items()}
    if access is not None:
        _confinement = Confinement(
            access.readable(),
            access.writable(),
            access.network,
            access.view() if access.namespaces else None,
            access.guarded,
        )


def start(arguments: KeeperArguments) -> None:
    """Make this process a keeper. The executor calls this first in each of its processes."""
    global _keeper
    _keeper = Keeper(arguments)


def serve() -> NoReturn:
    """Run the calls that the pool sends to this keeper, until the runner ends."""
    assert _keeper is not None
    _keeper.serve()


class Keeper:
    """Keeps one job process ready, runs calls in it, and replaces it."""

    def __init__(self, arguments: KeeperArguments):
        """Fork the first job process. Raises OSError."""
        pool = arguments.pool
        self._limits, self._runner_folder_path = pool.limits, pool.runner_folder_path
        self._keep_fds = [each.descriptor for each in pool.keep_fds]
        self._call_id: str | None = None
        self._process: JobProcess | None = None
        assert isinstance(arguments.slot, Slot)
        self._slot = arguments.slot.number
        self._channel = socket.socket(fileno=arguments.slot.channel.descriptor)
        self._orders = CallOrders(self._channel)
        self._begun_calls = BegunCalls(descriptor=arguments.begun_calls.descriptor)
        self._lease = Lease(pool.lease.descriptor)
        self._wakeup = install_signal_handlers(pool.runner_pid, self._die)
        self._folder = JobFolder(
            pool.runner_folder.descriptor, pool.runner_folder_path, pool.shared_files
        )
        self._cgroup = SlotCgroup(pool.limits.cgroups, self._slot) if pool.limits.cgroups else None
        # The executor has mapped these. A job that overwrites them could hang the worker.
        semaphores.keep_from_forks(semaphores.mapped_semaphores() - _loaded_semaphores)
        gc.freeze()  # keeps existing objects in memory pages that job processes share
        with contextlib.suppress(OSError):  # a full disk: tried again for the first call
            self._folder.prepare()
            self._ensure_process()

    def serve(self) -> NoReturn:
        """Run calls until the runner ends."""
        try:
            messages.send(self._channel, {"kind": "ready"})
            while True:
                self._serve_one()
        except (EOFError, ConnectionError):
            self._die()  # the runner is gone

    def _serve_one(self) -> None:
        """Wait for a call, and run it."""
        message = self._orders.next_call()
        request = None if message.body is None else messages.read_text(message.body)
        self._call_id = message.fields["call_id"]
        try:
            self._send_outcome(self._run(message.fields, request))
        finally:
            # If this call made the keeper fail, `_die` must not report the call as not at fault.
            self._call_id = None
        self._prepare_next()

    def _run(self, call: Json, request: str | None) -> AttemptOutcome:
        call_id, timeout = call["call_id"], call["timeout"]
        # The lease is checked before the kill orders. A runner that sets a new lease has already
        # ordered the kill of every call of the old one. So a call that passes both checks belongs
        # to the current lease.
        if request is None:  # the kernel has dropped its descriptor
            return lost("the job could not be received: too many open files")
        if self._lease.seconds_left() == 0.0:
            return lease_ended()
        if self._orders.is_killed(call_id):
            return AttemptOutcome("killed")
        own, needs = call.get("limits"), _needs.get(call.get("job_type", ""), USUAL)
        needs = needs._replace(caller=call.get("caller") or "")
        if not needs.network and not seccomp.is_supported():
            return network_not_blocked()
        try:
            process, folder = (
                self._ensure_process(needs, own),
                self._folder.prepare(call.get("file")),
            )
        except OSError as error:
            return lost(f"the keeper could not fork or make a folder: {error}")
        watch = CallWatch(
            self._orders,
            self._wakeup,
            self._lease,
            process,
            self._folder.used_bytes,
            call_id,
            timeout,
        )
        # Before the call is sent, so that a running call never appears to the pool as waiting.
        self._begun_calls.begin(self._slot, call["number"], process.pid)
        process.send_call(request, timeout, folder, own, needs)
        outcome = process.with_refusals(watch.wait_for_end())
        seconds = time.monotonic() - watch.started_at
        outcome = outcome._replace(seconds=seconds, pid=process.pid)
        return self._clean_up(process, outcome)

    def _clean_up(self, process: JobProcess, outcome: AttemptOutcome) -> AttemptOutcome:
        """Remove all that the call has left. Returns the outcome with its usage."""
        if outcome.cpu_seconds is None:  # there is no answer
            usage = self._kill(process)
            outcome = outcome._replace(
                cpu_seconds=usage.cpu_seconds, peak_memory_bytes=usage.peak_memory_bytes
            )
        elif outcome.kind == "out_of_memory" or process.has_left_something():
            self._kill(process)
        discarded = self._folder.discard(self._call_id if outcome.kind == "returned" else None)
        if discarded.has_files:
            outcome = outcome._replace(has_files=True)
        if not discarded.can_go_on and self._process:
            self._kill(process)
        process.output.finish(self._channel, self._call_id or "")
        return outcome

    def _prepare_next(self) -> None:
        """Prepare a job process and a folder while the keeper is idle."""
        if self._process and self._process.needs_replacement():
            self._kill(self._process)
        if self._orders.has_next:
            return  # the next call is run at once, and prepares both
        with contextlib.suppress(OSError):  # tried again for the next call
            self._ensure_process()
            self._folder.prepare()

    def _ensure_process(
        self, needs: Needs | None = None, own: OwnLimits | None = None
    ) -> JobProcess:
        """Return the job process for a job with these needs and own limits; a new one if there is
        none, or if it has died, has sent more than its answer, or does not suit. Without needs, any
        process suits. Raises OSError."""
        if self._process and self._process.has_sent_more():
            self._kill(self._process)
        limits = self._limits.job.narrowed(own)
        if self._process and needs and not self._process.suits(needs, limits):
            self._kill(self._process)
        if self._process is None:
            assert _entry is not None
            self._process = JobProcess(
                _entry,
                self._keep_fds,
                self._limits,
                self._runner_folder_path,
                _confinement.within(self._folder.place()),
                (needs or USUAL).network,
                self._cgroup,
            )
        return self._process

    def _kill(self, process: JobProcess) -> ProcessUsage:
        self._process = None
        return process.kill()

    def _send_outcome(self, outcome: AttemptOutcome) -> None:
        """Send an outcome to the pool: its result or traceback is the body of the message."""
        fields = outcome._asdict()
        result, traceback = fields.pop("result"), fields.pop("traceback")
        text = traceback if result is None else result
        message = {"kind": "outcome", "call_id": self._call_id, "outcome": fields}
        try:
            messages.send(self._channel, message, None if text is None else text.encode())
        except OSError as error:  # a long body needs memory and a descriptor
            reason = f"the result could not be sent: {error}"
            fields |= {"kind": "lost", "error_type": "Lost", "error_message": reason}
            messages.send(self._channel, message)

    def _die(self, *_: object) -> NoReturn:
        """Kill all descendants, report the call that this interrupts to the pool, and exit."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            kill_descendants()
            if self._call_id is not None:
                messages.send(self._channel, {"kind": "terminated", "call_id": self._call_id})
        finally:
            os._exit(128 + signal.SIGTERM)


def install_signal_handlers(runner_pid: int, die: Callable[[], object]) -> int:
    """Make a keeper call `die` when the runner ends or terminates it.

    Returns a descriptor that becomes readable after each signal. SIGINT and SIGTERM have been
    blocked in keepers up to here. The keeper gets a process group of its own, because signals that
    a terminal or process manager sends to the runner's group are for the runner alone.
    """

    def die_if_orphaned(*_: object) -> None:
        """Handle SIGCONT, which other processes can send as well."""
        if os.getppid() != runner_pid:
            die()

    os.setpgid(0, 0)
    pending = signal.sigtimedwait({signal.SIGTERM}, 0)
    if pending is not None and pending.si_pid == runner_pid:
        die()
    wakeup, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    # Python writes to the descriptor only for signals that have a handler.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal: for the runner to handle
    signal.signal(signal.SIGTERM, lambda *_: die())
    signal.signal(signal.SIGCONT, die_if_orphaned)
    processes.set_subreaper()
    # SIGCONT also wakes a keeper that is stopped.
    processes.die_with_parent(runner_pid, signal.SIGCONT)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    return wakeup
