"""A keeper's view of its job process. Imports nothing of ours but the pool's."""

import contextlib
import os
import signal
import sys
from collections.abc import Collection
from typing import Any

from runner import job_loop, messages, processes


class JobProcess:
    """A process forked from the keeper, which runs one call after the other until it is killed."""

    def __init__(self, entry: job_loop.Entry, keep: Collection[int], max_result_bytes: int):
        """Fork it. `keep` are the descriptors it holds besides its own. Raises OSError."""
        self.channel, theirs = messages.channel()
        self.calls = 0
        self._cpu_seconds = 0.0
        keeper = os.getpid()
        sys.stdout.flush()  # what is buffered would be printed twice
        sys.stderr.flush()
        # The keeper's handler is not to run in the new process before that has dropped it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            self.pid = os.fork()
            if self.pid == 0:
                job_loop.live(keeper, theirs, keep, entry, max_result_bytes)
        except OSError:
            self.channel.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()

    def ask(self, token: str, request: str, timeout: float | None) -> None:
        """Send it a call. If it has just died, its exit code tells."""
        text = request.encode("utf-8", "surrogatepass")
        with contextlib.suppress(ConnectionError):
            messages.send(self.channel, {"token": token, "timeout": timeout}, text)
        self.calls += 1

    def hear(self) -> messages.Message | None:
        """What it has sent next, if anything.

        Raises EOFError when it can send no more, and ValueError for what is no message of it.
        """
        message = messages.receive(self.channel)
        if message and message.fields.get("kind") not in ("progress", "returned", "raised"):
            raise ValueError(message.fields)
        return message

    def exit_code(self) -> int | None:
        """How it has ended, see processes.exit_code; None while it lives."""
        return processes.exit_code(self.pid)

    def has_leftovers(self) -> bool:
        """Whether anything of its last call still runs: a process below it or below the keeper
        (which adopts daemons), or a thread in it."""
        return (
            processes.children_of(os.getpid()) != [self.pid]
            or bool(processes.children_of(self.pid))
            or processes.thread_count(self.pid) != 1
        )

    def is_worn(self, max_calls: int, max_bytes: int) -> bool:
        """Whether it has run enough calls, or holds too much memory, to be replaced."""
        return self.calls >= max_calls or processes.memory_of(self.pid)[1] > max_bytes

    def used_by(self, answer: dict[str, Any]) -> processes.Used:
        """What a call has used that has answered; noted, to tell it from what comes later."""
        self._cpu_seconds += answer["cpu_seconds"]
        return processes.Used(answer["cpu_seconds"], answer["peak_memory_bytes"])

    def kill(self) -> processes.Used:
        """Kill it and every process below the keeper; returns what its last call used, if that
        has not answered. Its peak memory is that of all its calls if it had died already."""
        self.channel.close()
        peak, _ = processes.memory_of(self.pid)
        # The kernel does this in one go, so that a group which forks without end cannot escape.
        processes.send_signal(self.pid, signal.SIGKILL, group=True)
        used = processes.kill_below()
        cpu_seconds = max(0.0, used.cpu_seconds - self._cpu_seconds)
        return processes.Used(cpu_seconds, peak or used.peak_memory_bytes)
