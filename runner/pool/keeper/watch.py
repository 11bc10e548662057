"""Watches one call in a job process until the call ends or must be ended.

    job process ── progress, answer ──▶ ┌───────────┐
    its exit (SIGCHLD) ───────────────▶ │ CallWatch │ ─▶ CallEnd
    pool ── kill ─────────────────────▶ │           │ ─▶ RunnerGone
    deadline, end of the lease ───────▶ └───────────┘

The first event wins: an answer counts even if the process dies or is to be killed right after it.
"""

import math
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import NamedTuple

from runner.pool.keeper.job_process import JobProcess, LateMessage
from runner.pool.keeper.limits_exceeded import LimitWatchdog
from runner.pool.keeper.orders import CallOrders
from runner.pool.linux import processes
from runner.pool.protocol import messages
from runner.pool.protocol.answers import Answer
from runner.pool.protocol.lease import Lease
from runner.pool.protocol.outcome import RESULT_LOST

KEEPER_DELAY_SECONDS = 1.0
"""How long after a timeout the keeper ends the call itself, in case the kernel's timer failed."""
_PROGRESS_SECONDS = 0.05
"""The minimum time between two progress messages. Only the newest progress waits to be sent."""
_MAX_POLL_SECONDS = 3600.0
_CHECK_SECONDS = 1.0
"""How often the CPU time is checked, if limited, since a job can ignore SIGXCPU; and the lease, if
it ends, since it can be renewed and its clock also runs during suspend."""
_MAX_MESSAGES = 1000
"""How many messages are received per wake-up: more than a channel holds, but limited, so that a
flood of messages does not delay a kill."""


class RunnerGone(Exception):
    """The runner has ended."""


class CallEnd(NamedTuple):
    """How a call ended, as its keeper sees it."""

    kind: str
    """The kind of the outcome, see `CallOutcome`."""
    error: tuple[str, str] | None = None
    """The type and message of the error."""
    answer: Answer | None = None
    """The answer of the job process, if it sent one."""


_LATE_MESSAGE = CallEnd("lost", ("Lost", "the job before it sent more than one answer"))
LEASE_ENDED = CallEnd("lost", ("Lost", "the runner did not renew its lease in time"))


@dataclass(frozen=True)
class WatchedDescriptors:
    """Event sources of a keeper besides its job process."""

    orders: CallOrders
    """Orders of the pool. Their channel closes when the runner ends."""
    wakeup: int
    """A descriptor that is readable after a signal."""
    lease: Lease
    """When the lease ends, the call is ended, too."""


class CallWatch:
    """One call in a job process. Times are seconds of the monotonic clock."""

    def __init__(
        self,
        watched: WatchedDescriptors,
        process: JobProcess,
        limit_watchdog: LimitWatchdog,
        call_id: str,
        timeout: float | None,
        grace: float,
    ):
        self.started_at = time.monotonic()
        self._watched = watched
        self._process = process
        self._limit_watchdog = limit_watchdog
        self._call_id = call_id
        self._timeout = math.inf if timeout is None else timeout
        self._grace = grace
        self._deadline = self.started_at + self._timeout + KEEPER_DELAY_SECONDS
        self._kill_requested = self._channel_closed = False
        self._progress: str | None = None
        self._next_progress_at = 0.0
        # Not select(), which fails for descriptors above 1023.
        self._poll = select.poll()
        for descriptor in (watched.wakeup, watched.orders.channel, process.channel):
            self._poll.register(descriptor, select.POLLIN)
        process.output.register(self._poll)

    def wait_for_end(self) -> CallEnd:
        """Wait for the end of the call. Raises RunnerGone."""
        end = None
        while end is None:
            self._wait()
            end = self._receive() or self._check_exit()
            if end is None:
                self._check_orders()
                end = self._check_deadlines()
            self._forward_progress(last=end is not None)
            self._process.output.forward(self._watched.orders.channel, self._call_id)
        return CallEnd("killed") if self._kill_requested else end

    def _wait(self) -> None:
        """Wait for an event or until something is due."""
        progress_at = self._next_progress_at if self._progress else math.inf
        output_at = self._process.output.next_due(self._poll)
        until = min(self._deadline, progress_at, output_at, self._limit_watchdog.next_check_at)
        lease_seconds = self._watched.lease.seconds_left()
        has_cpu_limit = self._process.limits.cpu_seconds is not None
        is_unlimited = lease_seconds == math.inf and not has_cpu_limit
        max_seconds = _MAX_POLL_SECONDS if is_unlimited else _CHECK_SECONDS
        seconds = min(max(until - time.monotonic(), 0.0), lease_seconds, max_seconds)
        for descriptor, _ in self._poll.poll(math.ceil(seconds * 1000)):
            if descriptor == self._watched.wakeup:
                os.read(descriptor, 4096)
            self._process.output.on_readable(descriptor, self._poll)

    def _receive(self) -> CallEnd | None:
        """Receive the messages of the job process; returns the end if one is its answer."""
        try:
            for _ in range(_MAX_MESSAGES):
                message = self._process.receive()
                if message is None:
                    break
                if isinstance(message, Answer):
                    return _end_from_answer(message)
                self._progress = message
        except EOFError:
            self._on_channel_closed()
        except LateMessage:
            return _LATE_MESSAGE
        except ValueError as error:
            text = f"the job process sent an invalid message: {error}"
            return CallEnd("crashed", ("InvalidMessage", text))
        return None

    def _on_channel_closed(self) -> None:
        """Give the process a second to exit.

        If it does not, it has closed its descriptors or executes another program.
        """
        if not self._channel_closed:
            self._channel_closed = True
            self._poll.unregister(self._process.channel)
            self._shorten_deadline(time.monotonic() + KEEPER_DELAY_SECONDS)

    def _check_exit(self) -> CallEnd | None:
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
            text = "the job process wrote a file beyond JOB_FILE_BYTES"
            return CallEnd("crashed", ("FileTooLarge", text))
        if code == -signal.SIGKILL and self._process.memory_ran_out():
            text = "memory ran out, and the kernel killed the job process"
            return CallEnd("out_of_memory", ("OutOfMemory", text))
        text = f"the job process {processes.describe_exit(code)}"
        return CallEnd("crashed", ("Crashed", text))

    def _check_orders(self) -> None:
        """Start the kill of the call if the pool has ordered it. Raises RunnerGone."""
        try:
            if self._watched.orders.is_killed(self._call_id) and not self._kill_requested:
                self._kill_requested = True
                self._shorten_deadline(time.monotonic() + self._grace)
                if self._grace:
                    processes.send_signal(self._process.pid, signal.SIGTERM, group=True)
                    processes.send_signal(self._process.pid, signal.SIGCONT, group=True)
        except EOFError:
            raise RunnerGone from None

    def _shorten_deadline(self, deadline: float) -> None:
        self._deadline = min(self._deadline, deadline)

    def _check_deadlines(self) -> CallEnd | None:
        if self._watched.lease.seconds_left() == 0.0:
            return LEASE_ENDED
        if time.monotonic() < self._deadline:
            return None if self._kill_requested else self._check_limits()
        if self._kill_requested:
            return CallEnd("killed")
        if self._channel_closed:
            return CallEnd("crashed", ("Crashed", "the job process closed its channel"))
        return self._timed_out()

    def _check_limits(self) -> CallEnd | None:
        """Return the end if the job exceeds a limit that the kernel has not enforced."""
        if self._process.over_cpu_limit() > KEEPER_DELAY_SECONDS:
            return self._out_of_cpu_time()
        error = self._limit_watchdog.check()
        return CallEnd("crashed", error) if error else None

    def _timed_out(self) -> CallEnd:
        return CallEnd("timed_out", ("TimedOut", f"the job ran longer than {self._timeout:g} s"))

    def _out_of_cpu_time(self) -> CallEnd:
        limit = self._process.limits.cpu_seconds
        text = f"the job used more CPU time than JOB_CPU_SECONDS={limit} allows"
        return CallEnd("timed_out", ("CpuTimeExceeded", text))

    def _forward_progress(self, last: bool) -> None:
        now = time.monotonic()
        if self._progress is not None and (last or now >= self._next_progress_at):
            self._next_progress_at = now + _PROGRESS_SECONDS
            fields = {"kind": "progress", "call_id": self._call_id, "text": self._progress}
            if messages.try_send(self._watched.orders.channel, fields):
                self._progress = None


def _end_from_answer(answer: Answer) -> CallEnd:
    if answer.kind == "returned" and answer.body is None:
        return CallEnd("lost", ("Lost", RESULT_LOST), answer)
    return CallEnd(answer.kind, answer.error, answer)
