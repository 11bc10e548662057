"""A keeper's view of its job process. Imports nothing of ours but the pool's."""

import contextlib
import math
import os
import signal
import socket
import sys
from collections.abc import Collection
from typing import Any

from runner.pool.job_process import loop as job_loop
from runner.pool.keeper import oom_kills
from runner.pool.keeper.leftovers import StrayProcesses
from runner.pool.linux import proc, processes
from runner.pool.linux.limits import cpu_clock
from runner.pool.protocol import messages
from runner.pool.protocol.output import Output
from runner.pool.protocol.setup import CallLimits

_KINDS = ("progress", "returned", "raised", "out_of_memory")


class JobProcess:
    """A process forked from the keeper, which runs one call after the other until it is killed."""

    def __init__(
        self, entry: job_loop.Entry, keep: Collection[int], limits: CallLimits, place: str
    ):
        """Fork it. `keep` are the descriptors it holds besides its own, `place` is the path of what
        has the folders of its calls. Raises OSError."""
        self.calls = 0
        self.limits = limits.job
        self._cpu_seconds = self._cpu_clock = 0.0
        self._memory_bytes = self._oom_kills = 0
        with contextlib.ExitStack() as held:
            self.output = Output(limits.log_bytes)
            held.callback(self.output.close)
            self.channel, theirs = messages.channel()
            held.callback(self.channel.close)
            with theirs:
                self.pid = self._fork(theirs, keep, self._bounded(entry, limits, place))
            try:
                self._leftovers = StrayProcesses(self.pid)
            except OSError:
                self.channel.close()
                processes.kill_below()
                raise
            held.pop_all()

    @staticmethod
    def _fork(theirs: socket.socket, keep: Collection[int], bounded: job_loop.LimitedEntry) -> int:
        keeper = os.getpid()
        sys.stdout.flush()  # what is buffered would be printed twice
        sys.stderr.flush()
        # The keeper's handlers are not to run in the new process before that has dropped them.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCONT})
        try:
            pid = os.fork()
            if pid == 0:
                job_loop.live(keeper, theirs, keep, bounded)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _bounded(
        self, entry: job_loop.Entry, limits: CallLimits, place: str
    ) -> job_loop.LimitedEntry:
        given = limits.max_result_bytes, limits.job, self.output.write_end, place
        return job_loop.LimitedEntry(entry, *given)

    def ask(self, token: str, request: str, timeout: float | None, folder: str) -> None:
        """Send it a call to be run in the folder of that name, since a path need not be UTF-8, as a
        message has to be. If it has just died, its exit code tells."""
        text = request.encode("utf-8", "surrogatepass")
        self._oom_kills = oom_kills.count()
        if self.limits.cpu_seconds is not None:
            self._cpu_clock = cpu_clock(self.pid)
        with contextlib.suppress(ConnectionError):
            fields = {"token": token, "timeout": timeout, "folder": folder}
            messages.send(self.channel, fields, text)
        self.calls += 1

    def hear(self) -> messages.Message | None:
        """What it has sent next, if anything.

        Raises EOFError when it can send no more, and ValueError for what is no message of it.
        """
        message = messages.receive(self.channel)
        if message and message.fields.get("kind") not in _KINDS:
            raise ValueError(message.fields)
        return message

    def exit_code(self) -> int | None:
        """How it has ended, see processes.exit_code; None while it lives."""
        return processes.exit_code(self.pid)

    def over_cpu_limit(self) -> float:
        """By how many seconds of CPU time its call is over the limit; below zero if it is not."""
        if self.limits.cpu_seconds is None:
            return -math.inf
        return cpu_clock(self.pid) - self._cpu_clock - self.limits.cpu_seconds

    def memory_ran_out(self) -> bool:
        """Whether the kernel has killed any process for that since the call was sent."""
        return oom_kills.count() > self._oom_kills

    def has_leftovers(self) -> bool:
        """Whether anything of its last call still runs."""
        return self._leftovers.found()

    def is_worn(self, max_calls: int, max_bytes: int) -> bool:
        """Whether it has run enough calls, or holds too much memory, to be replaced."""
        return self.calls >= max_calls or self._memory_bytes > max_bytes

    def used_by(self, answer: dict[str, Any]) -> processes.ProcessUsage:
        """What a call has used that has answered; noted, to tell it from what comes later."""
        self._cpu_seconds += answer["cpu_seconds"]
        self._memory_bytes = answer["memory_bytes"]
        return processes.ProcessUsage(answer["cpu_seconds"], answer["peak_memory_bytes"])

    def kill(self) -> processes.ProcessUsage:
        """Kill it and every process below the keeper; returns what its last call used, if that
        has not answered. Its peak memory is that of all its calls if it had died already."""
        peak, _ = proc.memory_of(self.pid)
        # The kernel does this in one go, so that a group which forks without end cannot escape.
        processes.send_signal(self.pid, signal.SIGKILL, group=True)
        self.channel.close()
        self._leftovers.close()
        used = processes.kill_below()
        self.output.close()
        cpu_seconds = max(0.0, used.cpu_seconds - self._cpu_seconds)
        return processes.ProcessUsage(cpu_seconds, peak or used.peak_memory_bytes)
