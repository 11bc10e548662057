"""Watches one call in a job process until the call ends or must be ended.

    job process ── progress, answer ──▶ ┌───────────┐
    its exit (SIGCHLD) ───────────────▶ │ CallWatch │ ─▶ AttemptOutcome
    pool ── kill ─────────────────────▶ │           │ ─▶ EOFError: the runner has ended
    deadline, limits, end of lease ───▶ └───────────┘

The first event wins: an answer counts even if the process dies or is to be killed right after it.
"""

import math
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable

from runner.pool.keeper.job_process import JobProcess, LateMessage
from runner.pool.linux import processes
from runner.pool.protocol import messages
from runner.pool.protocol.shared_memory import Lease
from storage.records.attempt_outcome import AttemptOutcome, Kind

KEEPER_DELAY_SECONDS = 1.0
"""How long after a timeout the keeper ends the call itself, in case the kernel's timer failed."""
_PROGRESS_SECONDS = 0.05
"""The minimum time between two progress messages. Only the newest progress waits to be sent."""
_MAX_POLL_SECONDS = 3600.0
_CHECK_SECONDS = 0.25
"""How often the limits that the kernel does not enforce per job are checked, and the lease, if it
ends: it can be renewed, and its clock also runs during suspend."""
_MAX_TIME_SHARE = 0.1
"""The share of a keeper's time that checks of limits may take, however many files there are."""
_MAX_MESSAGES = 1000
"""How many messages are received per wake-up: more than a channel holds, but limited, so that a
flood of messages does not delay a kill."""


class CallOrders:
    """The orders of the pool to one keeper: a queue of calls to run, and kills."""

    def __init__(self, channel: socket.socket):
        self.channel = channel
        self._queue: deque[messages.Message] = deque()

    def next_call(self) -> messages.Message:
        """Return the first call in the queue, or wait for one. Raises EOFError if the pool is
        gone."""
        while not self._queue:
            message = messages.receive(self.channel, wait=True)
            assert message is not None
            if message.fields["kind"] == "call":  # else a kill order that came too late
                self._queue.append(message)
        return self._queue.popleft()

    @property
    def has_next(self) -> bool:
        """Whether a call is in the queue."""
        return bool(self._queue)

    def is_killed(self, call_id: str) -> bool:
        """Process all orders that have arrived; returns whether one kills the call `call_id`.

        New calls are queued. A kill order for a queued call removes it at once. Kill orders for
        calls that have ended are ignored. Raises EOFError if the pool is gone.
        """
        killed = False
        while (message := messages.receive(self.channel)) is not None:
            if message.fields["kind"] == "call":
                self._queue.append(message)
            elif message.fields["call_id"] == call_id:
                killed = True
            else:
                self._kill_queued(message.fields["call_id"])
        return killed

    def _kill_queued(self, call_id: str) -> None:
        for call in [call for call in self._queue if call.fields["call_id"] == call_id]:
            self._queue.remove(call)
            messages.drop(call.body)
            outcome = {"kind": "killed", "not_at_fault": True}
            messages.send(self.channel, {"kind": "outcome", "call_id": call_id, "outcome": outcome})


class CallWatch:
    """One call in a job process. Times are seconds of the monotonic clock."""

    def __init__(
        self,
        orders: CallOrders,
        wakeup: int,
        lease: Lease,
        process: JobProcess,
        used_bytes: Callable[[int], int],
        call_id: str,
        timeout: float | None,
    ):
        """`wakeup` is a descriptor that is readable after a signal. When the lease ends, so does
        the call. `used_bytes(limit)` returns the size of the job's folder; it may stop counting
        above `limit`."""
        self.started_at = time.monotonic()
        self._orders, self._wakeup, self._lease = orders, wakeup, lease
        self._process = process
        self._used_bytes = used_bytes
        self._call_id = call_id
        self._timeout = math.inf if timeout is None else timeout
        self._deadline = self.started_at + self._timeout + KEEPER_DELAY_SECONDS
        self._next_check_at = self.started_at + _CHECK_SECONDS
        self._channel_closed = False
        self._progress: str | None = None
        self._next_progress_at = 0.0
        # Not select(), which fails for descriptors above 1023.
        self._poll = select.poll()
        for descriptor in (wakeup, orders.channel, process.channel):
            self._poll.register(descriptor, select.POLLIN)
        process.output.register(self._poll)
        if process.modes:
            self._poll.register(process.modes.descriptor, select.POLLIN)

    def wait_for_end(self) -> AttemptOutcome:
        """Wait for the end of the call. Raises EOFError if the runner has ended.

        `cpu_seconds` of the outcome is None if the job process has sent no answer.
        """
        end = None
        while end is None:
            signaled = self._wait()
            end = self._receive()
            if end is None and signaled:
                end = self._check_exit()
            if end is None:
                end = self._check_orders()
            self._forward_progress(last=end is not None)
            self._process.output.forward(self._orders.channel, self._call_id)
        return end

    def _wait(self) -> bool:
        """Wait for an event or until something is due. Returns whether a signal has arrived."""
        limits, lease_seconds = self._process.job_limits, self._lease.seconds_left()
        limited = limits.cpu_seconds or limits.folder_bytes or limits.processes
        until_check = _CHECK_SECONDS if limited or lease_seconds < math.inf else _MAX_POLL_SECONDS
        progress_at = self._next_progress_at if self._progress else math.inf
        until = min(self._deadline, progress_at, self._process.output.next_due(self._poll))
        seconds = min(max(until - time.monotonic(), 0.0), lease_seconds, until_check)
        signaled = False
        for descriptor, _ in self._poll.poll(math.ceil(seconds * 1000)):
            if descriptor == self._wakeup:
                signaled = bool(os.read(descriptor, 4096))
            self._process.output.on_readable(descriptor, self._poll)
            if (modes := self._process.modes) and descriptor == modes.descriptor:
                self._poll.unregister(descriptor)
                if modes.on_readable():
                    self._poll.register(modes.descriptor, select.POLLIN)
        return signaled

    def _receive(self) -> AttemptOutcome | None:
        """Receive the messages of the job process; returns the end if one is its answer."""
        try:
            for _ in range(_MAX_MESSAGES):
                message = self._process.receive()
                if message is None:
                    break
                if isinstance(message, AttemptOutcome):
                    return message
                self._progress = message
        except EOFError:
            self._on_channel_closed()
        except LateMessage:
            return lost("the job before it sent more than one answer")
        except ValueError as error:
            text = f"the job process sent an invalid message: {error}"
            return _ended("crashed", "InvalidMessage", text)
        return None

    def _on_channel_closed(self) -> None:
        """Give the process a second to exit.

        If it does not, it has closed its descriptors or executes another program.
        """
        if not self._channel_closed:
            self._channel_closed = True
            self._poll.unregister(self._process.channel)
            self._deadline = min(self._deadline, time.monotonic() + KEEPER_DELAY_SECONDS)

    def _check_exit(self) -> AttemptOutcome | None:
        """Return the end if the process has exited."""
        if (code := self._process.exit_code()) is None:
            return None
        if end := self._receive():  # an answer sent between the last receive and the exit
            return end
        if code == -signal.SIGALRM and time.monotonic() - self.started_at >= self._timeout:
            return self._timed_out()
        if code == -signal.SIGXCPU and self._process.over_cpu_limit() >= 0:
            return self._out_of_cpu_time()
        if code == -signal.SIGXFSZ:
            text = "the job process wrote a file beyond JOB_FOLDER_BYTES"
            return _ended("crashed", "FileTooLarge", text)
        if code == -signal.SIGKILL and self._process.memory_ran_out():
            return _ended("out_of_memory", "OutOfMemory", self._process.why_no_memory())
        text = f"the job process {processes.describe_exit(code)}"
        return _ended("crashed", "Crashed", text)

    def _check_orders(self) -> AttemptOutcome | None:
        """Return the end if the call must not go on. Raises EOFError if the runner has ended."""
        if self._orders.is_killed(self._call_id):
            return AttemptOutcome("killed")
        if self._lease.seconds_left() == 0.0:
            return lease_ended()
        if time.monotonic() < self._deadline:
            return self._check_limits()
        if self._channel_closed:
            return _ended("crashed", "Crashed", "the job process closed its channel")
        return self._timed_out()

    def _check_limits(self) -> AttemptOutcome | None:
        """Return the end if the job exceeds a limit that the kernel has not enforced.

        The kernel limits processes only per user (RLIMIT_NPROC) or container, and other jobs share
        both. It does not limit the size of a folder at all. A job can ignore SIGXCPU. A check takes
        some microseconds if the job has neither files nor children.
        """
        if (now := time.monotonic()) < self._next_check_at:
            return None
        end, limits = None, self._process.job_limits
        if self._process.over_cpu_limit() > KEEPER_DELAY_SECONDS:
            end = self._out_of_cpu_time()
        elif (most := limits.processes) and processes.count_descendants(os.getpid(), most) > most:
            text = f"the job had more processes and threads than JOB_PROCESSES={most} allows"
            end = _ended("crashed", "ProcessesExceeded", text)
        elif (most := limits.folder_bytes) and self._used_bytes(most) > most:
            text = f"the job wrote more than JOB_FOLDER_BYTES={most} to its folder"
            end = _ended("crashed", "FolderExceeded", text)
        duration = time.monotonic() - now
        self._next_check_at = now + max(_CHECK_SECONDS, duration / _MAX_TIME_SHARE)
        return end

    def _timed_out(self) -> AttemptOutcome:
        return _ended("timed_out", "TimedOut", f"the job ran longer than {self._timeout:g} s")

    def _out_of_cpu_time(self) -> AttemptOutcome:
        limit = self._process.job_limits.named("cpu_seconds")
        text = f"the job used more CPU time than {limit} allows"
        return _ended("timed_out", "CpuTimeExceeded", text)

    def _forward_progress(self, last: bool) -> None:
        now = time.monotonic()
        if self._progress is not None and (last or now >= self._next_progress_at):
            self._next_progress_at = now + _PROGRESS_SECONDS
            fields = {"kind": "progress", "call_id": self._call_id, "text": self._progress}
            if messages.try_send(self._orders.channel, fields):
                self._progress = None


def _ended(kind: Kind, error_type: str, error_message: str) -> AttemptOutcome:
    return AttemptOutcome(kind, error_type=error_type, error_message=error_message)


def lost(reason: str) -> AttemptOutcome:
    """Return the outcome of a call that was lost for a reason outside of it."""
    return _ended("lost", "Lost", reason)._replace(not_at_fault=True)


def network_not_blocked() -> AttemptOutcome:
    """Return the outcome of a job that must not use the network, if that cannot be prevented."""
    text = "its job type has network = False, which this kernel or processor cannot enforce"
    return _ended("crashed", "NetworkNotBlocked", text)._replace(
        retryable=False, cpu_seconds=0.0, peak_memory_bytes=0
    )


def lease_ended() -> AttemptOutcome:
    """Return the outcome of a call at the end of the lease."""
    return lost("the runner did not renew its lease in time")
