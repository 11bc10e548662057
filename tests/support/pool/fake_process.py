"""A job process that does not exist, to test how a keeper watches one."""

import math
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.watch import CallOrders, CallWatch
from runner.pool.protocol import messages
from runner.pool.protocol.output import OutputPipes
from runner.pool.protocol.setup import CallLimits, JobLimits
from runner.pool.protocol.shared_memory import Lease
from storage.records.attempt_outcome import AttemptOutcome

KILL = {"kind": "kill", "call_id": "call_id"}
"""The order to kill the call that `watch` watches."""


class FakeProcess(JobProcess):
    """A fake job process that lives, and whose messages the test chooses."""

    def __init__(
        self,
        send: Callable[[], str | AttemptOutcome | None],
        limits: JobLimits = JobLimits(),  # noqa: B008  # it is frozen
    ):
        self.channel, job_end = messages.new_channel()
        job_end.close()
        self.limits, self.job_limits = CallLimits(job=limits), limits
        self.output = OutputPipes(0)
        self.modes = None
        self.receive_count = 0
        self._send = send

    def receive(self) -> str | AttemptOutcome | None:
        """Return what the test sends."""
        self.receive_count += 1
        assert self.receive_count < 100_000, "received without end"
        return self._send()

    def exit_code(self) -> int | None:
        """It lives."""
        return None

    def over_cpu_limit(self) -> float:
        """It has used no CPU time."""
        return -math.inf


@contextmanager
def watch(
    process: FakeProcess,
    used_bytes: Callable[[int], int] = lambda limit: 0,
    signaled: bool = False,
) -> Iterator[tuple[CallWatch, socket.socket]]:
    """Watch a fake job process; yields the watch and the pool's end of the keeper's channel.

    `signaled`: a signal has arrived, such as SIGCHLD.
    """
    pool, channel = messages.new_channel()
    wakeup = os.eventfd(int(signaled), os.EFD_NONBLOCK)
    with pool, channel, process.channel:
        orders = CallOrders(channel)
        yield CallWatch(orders, wakeup, Lease(), process, used_bytes, "call_id", None), pool
    os.close(wakeup)
