"""Keeps a backup from slowing the programs of the store down."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_SECONDS = 1.0
"""The longest rest: what took very long was not work, but a wait for others."""


class Pace:
    """Lets each thread work only for a part of the time, so that others get their turns at the disk
    and at the processors."""

    def __init__(self, share: float):
        """`share`: the part of the time in which there is work, above 0 and up to 1 for all."""
        self._rest_per_second = 1 / share - 1
        self._threads = threading.local()

    def rest(self) -> None:
        """Sleep in proportion to the time since the last call of this thread, except for the time
        that it waited for a processor: else a backup would hardly move on a busy machine.

        It is called between small pieces of work, such as the writes of some 100 kB: others wait
        for one piece at most.
        """
        if self._rest_per_second:
            now = _now()
            worked = max(0.0, now - getattr(self._threads, "since", now))
            time.sleep(min(worked * self._rest_per_second, _LONGEST_SECONDS))
            self.skip()

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Do not rest within the block, because others wait for its end."""
        before, self._rest_per_second = self._rest_per_second, 0.0
        try:
            yield
        finally:
            self._rest_per_second = before

    def skip(self) -> None:
        """Do not count the time since the last `rest` of this thread: it waited for others."""
        self._threads.since = _now()


def seconds_without_processor() -> float:
    """Return how long this thread has been ready to run while others had the processors."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, IndexError):  # a kernel without this figure
        return 0.0


def _now() -> float:
    """Return a time in seconds that does not pass while this thread waits for a processor. It goes
    back a little if the wait falls between its two readings."""
    return time.monotonic() - seconds_without_processor()
