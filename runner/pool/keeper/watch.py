"""How a keeper watches one call, until it ends or is to be ended.

    job process ── progress, answer ──▶ ┌───────┐
    its end (SIGCHLD) ────────────────▶ │ Watch │ ─▶ Ending
    pool ── kill ─────────────────────▶ │       │ ─▶ RunnerGone
    the backstop's time, the lease's ─▶ └───────┘

What came first wins: an answer that was sent counts, though the process died or was to be killed
right after. Imports nothing of ours but the pool's.
"""

import math
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import Any

from runner.pool.keeper.ending import LEASE_ENDED, CallEnd, answered
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.limits_exceeded import LimitWatchdog
from runner.pool.keeper.orders import CallOrders
from runner.pool.linux import processes
from runner.pool.protocol import messages
from runner.pool.protocol.lease import Lease

BACKSTOP_SECONDS = 1.0
"""How long after a timeout the keeper ends what the kernel's timer has not."""
_PROGRESS_SECONDS = 0.05
"""The least time between two messages of progress; only the newest waits for its turn."""
_WAIT_SECONDS = 3600.0
_LOOK_SECONDS = 1.0
"""How often CPU time is looked at, if limited: a job can ignore the kernel's signal; and a lease
that ends: it may be set anew, and goes on while the machine sleeps."""
_AT_MOST = 1000
"""Messages heard in one turn: more than fit into a channel, and bounded: a flood delays no kill."""


class RunnerGone(Exception):
    """The runner has ended."""


@dataclass(frozen=True)
class WatchedDescriptors:
    """What a keeper listens to besides its job process."""

    orders: CallOrders
    """From the pool; they end with the runner."""
    wakeup: int
    """Readable after a signal."""
    lease: Lease
    """When it ends, so does the call."""


class CallWatch:
    """One call in a job process. Times are of the monotonic clock, in seconds."""

    def __init__(
        self,
        ears: WatchedDescriptors,
        process: JobProcess,
        excess: LimitWatchdog,
        token: str,
        timeout: float | None,
        grace: float,
    ):
        self.started_at = time.monotonic()
        self._ears = ears
        self._process = process
        self._excess = excess
        self._token = token
        self._limit = math.inf if timeout is None else timeout
        self._grace = grace
        self._deadline = self.started_at + self._limit + BACKSTOP_SECONDS
        self._killed = self._silent = False
        self._progress: dict[str, Any] | None = None
        self._progress_at = 0.0
        # No select(): descriptors may be above its 1024.
        self._poll = select.poll()
        for descriptor in (ears.wakeup, ears.orders.channel, process.channel):
            self._poll.register(descriptor, select.POLLIN)
        process.output.register(self._poll)

    def ending(self) -> CallEnd:
        """Wait for the end of the call. Raises RunnerGone."""
        ending = None
        while ending is None:
            self._wait()
            ending = self._hear() or self._ended()
            if ending is None:
                self._obey()
                ending = self._overdue()
            self._pass_progress(last=ending is not None)
            self._process.output.pass_on(self._ears.orders.channel, self._token)
        if self._killed:
            messages.drop(ending.result)
            return CallEnd("killed")
        return ending

    def _wait(self) -> None:
        """Sleep until something may have come."""
        progress_at = self._progress_at if self._progress else math.inf
        output_at = self._process.output.due_at(self._poll)
        until = min(self._deadline, progress_at, output_at, self._excess.next_at)
        lease, cpu_limit = self._ears.lease.left(), self._process.limits.cpu_seconds
        look = _WAIT_SECONDS if lease == math.inf and cpu_limit is None else _LOOK_SECONDS
        seconds = min(max(until - time.monotonic(), 0.0), lease, look)
        for descriptor, _ in self._poll.poll(math.ceil(seconds * 1000)):
            if descriptor == self._ears.wakeup:
                os.read(descriptor, 4096)
            self._process.output.heed(descriptor, self._poll)

    def _hear(self) -> CallEnd | None:
        """Take what the job process has sent; the ending, if that was its answer."""
        try:
            for _ in range(_AT_MOST):
                message = self._process.hear()
                if message is None:
                    break
                if message.fields["kind"] != "progress":
                    return answered(message)
                self._progress = message.fields
        except EOFError:
            self._fall_silent()
        except ValueError:
            return CallEnd("crashed", ("Crashed", "the job wrote to the channel of its process"))
        return None

    def _fall_silent(self) -> None:
        """The channel is closed: the process is about to end, or has become another program."""
        if not self._silent:
            self._silent = True
            self._poll.unregister(self._process.channel)
            self._end_by(time.monotonic() + BACKSTOP_SECONDS)

    def _ended(self) -> CallEnd | None:
        """The ending, if the process has ended."""
        if (code := self._process.exit_code()) is None:
            return None
        if answer := self._hear():  # sent since it was heard last, but before its end
            return answer
        if code == -signal.SIGALRM and time.monotonic() - self.started_at >= self._limit:
            return self._timed_out()
        if code == -signal.SIGXCPU and self._process.over_cpu_limit() >= 0:
            return self._out_of_cpu()
        if code == -signal.SIGXFSZ:
            text = "the job process wrote a file beyond JOB_FILE_BYTES"
            return CallEnd("crashed", ("FileTooLarge", text))
        if code == -signal.SIGKILL and self._process.memory_ran_out():
            text = "memory ran out, and the kernel killed the job process"
            return CallEnd("out_of_memory", ("OutOfMemory", text))
        return CallEnd("crashed", ("Crashed", f"the job process {processes.in_words(code)}"))

    def _obey(self) -> None:
        """Take orders."""
        try:
            if self._ears.orders.is_killed(self._token) and not self._killed:
                self._killed = True
                self._end_by(time.monotonic() + self._grace)
                if self._grace:
                    processes.send_signal(self._process.pid, signal.SIGTERM, group=True)
                    processes.send_signal(self._process.pid, signal.SIGCONT, group=True)
        except EOFError:
            raise RunnerGone from None

    def _end_by(self, moment: float) -> None:
        self._deadline = min(self._deadline, moment)

    def _overdue(self) -> CallEnd | None:
        if self._ears.lease.left() == 0.0:
            return LEASE_ENDED
        if time.monotonic() < self._deadline:
            return None if self._killed else self._beyond_limits()
        if self._killed:
            return CallEnd("killed")
        if self._silent:
            return CallEnd("crashed", ("Crashed", "the job process closed its channel"))
        return self._timed_out()

    def _beyond_limits(self) -> CallEnd | None:
        """The ending, if the job has taken more than it may and nobody else has ended it."""
        if self._process.over_cpu_limit() > BACKSTOP_SECONDS:
            return self._out_of_cpu()
        error = self._excess.found()
        return CallEnd("crashed", error) if error else None

    def _timed_out(self) -> CallEnd:
        return CallEnd("timed_out", ("TimedOut", f"the job ran longer than {self._limit:g} s"))

    def _out_of_cpu(self) -> CallEnd:
        limit = self._process.limits.cpu_seconds
        text = f"the job used more CPU time than JOB_CPU_SECONDS={limit} allows"
        return CallEnd("timed_out", ("CpuTimeExceeded", text))

    def _pass_progress(self, last: bool) -> None:
        now = time.monotonic()
        if self._progress is not None and (last or now >= self._progress_at):
            self._progress_at = now + _PROGRESS_SECONDS
            if messages.send_at_once(self._ears.orders.channel, self._progress):
                self._progress = None
