"""N killable processes. Knows nothing of jobs, SQL or HTTP; imports nothing of ours but the pool's.

    Pool ─▶ Crew, one ProcessPoolExecutor ─▶ its workers, the keepers ─▶ one job process each
    (calls)  (crew)                           (keeper, watch)             (job_process, job_loop)

One process holds one pool, in its main thread, and starts no other processes while it does.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Collection

from runner import processes
from runner.calls import Calls
from runner.crew import Crew
from runner.job_loop import Entry
from runner.outcome import Outcome
from runner.setup import Limits

__all__ = ["Outcome", "Pool", "PoolError"]

_DEFAULTS = Limits()
_PATIENCE_SECONDS = 1.0
"""How long the keepers of a broken crew may take to end what they run."""
_FAILED_STARTS = 5


class PoolError(Exception):
    """The keepers cannot be started: the entry cannot be loaded, or they die before it is."""


class Pool:
    """Runs calls in processes, at most `size` at once, and kills any of them on demand."""

    def __init__(
        self,
        size: int,
        load: Callable[[], Entry],
        *,
        keep_fds: Collection[int] = (),
        jobs_per_process: int = _DEFAULTS.jobs_per_process,
        max_process_bytes: int = _DEFAULTS.max_process_bytes,
        max_result_bytes: int = _DEFAULTS.max_result_bytes,
        grace: float = _DEFAULTS.grace,
    ):
        """Start the keepers, without waiting for them. Raises OSError.

        `load` is pickled and called once in each keeper, so that what it imports is there before
        any job process is forked. `keep_fds` are held by all processes of the pool as well. Limits
        are in bytes and seconds, see runner/setup.py.
        """
        _require_main_thread()
        self.size = size
        self._load = load
        self._keep = tuple(keep_fds)
        self._limits = Limits(jobs_per_process, max_process_bytes, max_result_bytes, grace)
        self._calls = Calls()
        self._broken = False
        self._closed = False
        self._failed_starts = 0
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._adopted = processes.adopt_orphans()
        self._crew = self._new_crew()

    @property
    def free(self) -> int:
        """How many more calls may be submitted."""
        return self.size - len(self._calls.running)

    def submit(self, token: str, request: str, timeout: float | None) -> None:
        """Run entry(request, report) in a job process, for at most `timeout` seconds.

        The token names the call, and is never used again. Raises ValueError if no slot is free,
        the token is known, or the timeout is not above zero; and PoolError.
        """
        _require_main_thread()
        if self._closed or self.free <= 0 or token in self._calls.running:
            raise ValueError(f"cannot take {token!r}: closed, no slot is free, or it is known")
        if timeout is not None and not timeout > 0:
            raise ValueError(f"a timeout is above zero, not {timeout}")
        if self._broken or not self._hand_in(token, request, timeout):
            self._replace_crew()
            if not self._hand_in(token, request, timeout):
                self._note_break()
        self._calls.add(token)
        self._rouse()

    def kill(self, token: str) -> bool:
        """Kill a call, now or as soon as it has started; False if it is not known (any more).

        Its outcome is collected as any other: killed, or how it ended just before.
        """
        return self._calls.kill(token)

    def collect(self) -> list[tuple[str, Outcome]]:
        """The outcomes since last asked, with their tokens.

        Waits for nothing, but after a keeper was killed it replaces all of them: mostly some
        milliseconds, at most about a second. Raises PoolError if that is of no use.
        """
        self._receive()
        if self._broken and not self._closed:
            self._replace_crew()
        outcomes = self._calls.take_outcomes()
        self._rouse()
        return outcomes

    def progress(self) -> dict[str, str]:
        """The newest progress of each call since last asked, by token."""
        self._receive()
        progress = self._calls.take_progress()
        self._rouse()
        return progress

    def pids(self) -> dict[str, int]:
        """The job processes of the calls that have started, by token."""
        self._receive()
        self._rouse()
        return self._calls.pids()

    def filenos(self) -> tuple[int, ...]:
        """Descriptors to wait on: one is readable while there is an outcome or progress to ask for.

        To be asked for anew each time, since they change with the keepers.
        """
        return self._event, self._crew.fileno()

    def close(self, patience: float = 5.0) -> None:
        """Kill what runs, end all processes, and free what the pool holds.

        Keepers that do not end within `patience` seconds are killed. The outcomes of what still
        ran can be collected afterwards.
        """
        if not self._closed:
            self._crew.end(patience, self._receive)
            self._calls.lose_all()
            self._closed = True
            processes.adopt_orphans(self._adopted)
            os.close(self._event)

    def _new_crew(self) -> Crew:
        return Crew(self.size, self._load, self._limits, self._keep, self._note_break)

    def _replace_crew(self) -> None:
        """End a broken crew, with all that ran, and start a new one. Raises PoolError."""
        _require_main_thread()
        try:
            self._crew.end(_PATIENCE_SECONDS, self._receive)
            self._calls.lose_all()
            self._check_crew()
            self._broken = False
            self._crew = self._new_crew()
        except OSError as error:
            self._broken = True
            raise PoolError(f"the keepers cannot be started: {error}") from error

    def _check_crew(self) -> None:
        """Raises PoolError if a crew after the one that has ended would fare no better."""
        self._failed_starts = 0 if self._crew.ready else self._failed_starts + 1
        if self._crew.load_error is not None:
            raise PoolError(f"the entry cannot be loaded: {self._crew.load_error}")
        if self._failed_starts == _FAILED_STARTS:
            raise PoolError(f"the keepers died {_FAILED_STARTS} times before they were ready")

    def _hand_in(self, token: str, request: str, timeout: float | None) -> bool:
        """Give a call to the crew; False if that is broken and has refused it."""
        try:
            self._crew.submit(token, request, timeout)
        except RuntimeError:
            return False
        except OSError:
            self._note_break()  # no keeper could be started, and the call may be under way
        return True

    def _note_break(self) -> None:
        """The crew is broken. Called in any thread."""
        self._broken = True
        os.eventfd_write(self._event, 1)

    def _receive(self) -> None:
        """Take all that the keepers have sent."""
        for channel, message in self._crew.news():
            self._calls.hear(channel, message)

    def _rouse(self) -> None:
        """Let the descriptors be readable exactly while there is something to ask for."""
        if self._closed:
            return
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._event)
        # Looked at after the reading: a break noted meanwhile by another thread counts.
        if self._calls.outcomes or self._calls.progress or self._broken:
            os.eventfd_write(self._event, 1)


def _require_main_thread() -> None:
    # A keeper gets its SIGTERM when the thread ends that has started it, not when the runner does.
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a pool is for the main thread only")
