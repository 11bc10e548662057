"""Kills all descendants of this process, and measures what they used. Linux only."""

import os
import signal
from collections.abc import Collection
from typing import NamedTuple

from runner.pool.linux import proc
from runner.pool.linux.processes import send_signal


class ProcessUsage(NamedTuple):
    """CPU seconds that some processes used together, and the largest peak of resident memory."""

    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


def kill_descendants(exclude: Collection[int] = ()) -> ProcessUsage:
    """Kill all descendants of this process, wait until none is left, and return their usage.

    Children in `exclude` are left alone. This process must be a subreaper.
    Each round kills every descendant that it finds and waits for the children among them. The
    kernel makes their orphans children of this process, so that the next round finds them.
    """
    usage = ProcessUsage()
    while children := [child for child in proc.children_of(os.getpid()) if child not in exclude]:
        # Killing only the children would also work, but a fork bomb could grow faster than that.
        for pid in list(proc.descendants_of(os.getpid(), exclude)):
            send_signal(pid, signal.SIGKILL)
        for pid in children:
            usage = _sum(usage, _wait_for(pid))
    return usage


def _wait_for(pid: int) -> ProcessUsage:
    try:
        _, _, usage = os.wait4(pid, 0)
    except ChildProcessError:
        return ProcessUsage()
    return ProcessUsage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _sum(one: ProcessUsage, other: ProcessUsage) -> ProcessUsage:
    return ProcessUsage(
        one.cpu_seconds + other.cpu_seconds, max(one.peak_memory_bytes, other.peak_memory_bytes)
    )
