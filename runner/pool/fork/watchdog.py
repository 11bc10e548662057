"""Ends a runner that hangs, so that whatever has started the worker starts it again.

It runs in the fork server: a thread of the runner would wait for the same locks as the runner. A
runner hangs if its loop stands still although the runner could run. These do not count:

- the runner is stopped (SIGSTOP, a debugger);
- the fork server stood still as well: a paused container, a suspended machine;
- the first iteration has not begun.

After each of them, the time is counted from zero.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from runner.pool.linux import processes
from runner.pool.protocol.python_internals import InheritedDescriptor
from runner.pool.protocol.shared_memory import STACKS_SIGNAL, LoopCounter

_MAX_CHECK_SECONDS = 5.0
_CHECKS = 10
"""How many checks in a row must find the same count."""
_STACKS_SECONDS = 1.0
"""How long to wait for the stacks of a runner."""
_SAME_LOOKS = 10
"""The stacks are complete when so many looks have found no more."""
STOPPED_STATES = frozenset("Tt")
"""States in /proc/PID/stat of a process that a signal or a debugger has stopped."""

Report = Callable[[float, str], None]
"""Reports that the runner is ended, with the seconds for which it hung, and its stacks."""


@dataclass(frozen=True)
class WatchdogSettings:
    """How long the loop of a runner may stand still, and how to report its end.

    `report` is pickled, and called in the fork server.
    """

    seconds: float
    report: Report


@dataclass(frozen=True)
class WatchdogArguments:
    """The arguments that a fork server needs to watch its runner."""

    settings: WatchdogSettings
    loop_counter: tuple[InheritedDescriptor, InheritedDescriptor]


class Watchdog:
    """Watches the runner with the pid `runner`, in its fork server."""

    def __init__(
        self,
        runner: int,
        arguments: WatchdogArguments,
        clock: Callable[[], float] = time.monotonic,
    ):
        count, stacks = (each.descriptor for each in arguments.loop_counter)
        self._runner = runner
        self._settings = arguments.settings
        self._counter = LoopCounter((count, stacks))
        self._check_seconds = min(_MAX_CHECK_SECONDS, self._settings.seconds / _CHECKS)
        self._count = 0
        self._hung_seconds = 0.0
        self._clock = clock
        self._checked_at = clock()

    def wait_for(self, descriptor: int) -> None:
        """Wait until a descriptor is readable, and end the runner if it hangs meanwhile."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not poll.poll(self._check_seconds * 1000):
            self.check()

    def check(self) -> None:
        """End the runner if it hangs. To be called every few seconds."""
        count, now = self._counter.value, self._clock()
        passed, self._checked_at = now - self._checked_at, now
        # If much more time has passed, this process could not run, and nor could the runner.
        was_running = passed < 3 * self._check_seconds and not self._is_stopped()
        if count == self._count > 0 and was_running:
            self._hung_seconds += passed
        else:
            self._count, self._hung_seconds = count, 0.0
        if self._hung_seconds >= self._settings.seconds:
            self._end_runner()
            self._hung_seconds = 0.0

    def _is_stopped(self) -> bool:
        return processes.state_of(self._runner) in STOPPED_STATES

    def _end_runner(self) -> None:
        """Report the stacks of the runner, and kill it. This process dies with it."""
        processes.send_signal(self._runner, STACKS_SIGNAL)
        self._settings.report(self._hung_seconds, self._written_stacks())
        if os.getppid() == self._runner:
            processes.send_signal(self._runner, signal.SIGKILL)

    def _written_stacks(self) -> str:
        """Wait for the stacks, which are written line by line; "" if none come in time."""
        deadline, stacks, same_looks = time.monotonic() + _STACKS_SECONDS, "", 0
        while time.monotonic() < deadline and same_looks < _SAME_LOOKS:
            time.sleep(_STACKS_SECONDS / 100)
            before, stacks = stacks, self._counter.stacks()
            same_looks = same_looks + 1 if stacks and stacks == before else 0
        return stacks
