"""N killable processes. Knows nothing of jobs, SQL or HTTP; imports nothing of ours but the pool's.

    Pool ─▶ Crew, one ProcessPoolExecutor ─▶ its workers, the keepers ─▶ one job process each
    (calls)  (crew)                           (keeper, watch)             (job_process, job_loop)

One process holds one pool, in its main thread, and starts no other processes while it does.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator
from functools import partial

from runner.pool.calls import Calls
from runner.pool.channel import not_handed_over
from runner.pool.event import EventFd
from runner.pool.executor import KeeperExecutor, require_main_thread
from runner.pool.fork_server import ForkServer
from runner.pool.job_process.loop import Entry
from runner.pool.linux import processes
from runner.pool.linux.work_folders import WorkPlace
from runner.pool.protocol.lease import Lease
from runner.pool.protocol.outcome import CallOutcome
from runner.pool.protocol.output import Piece
from runner.pool.protocol.prefetch import MOST_AHEAD
from runner.pool.protocol.setup import CallLimits, PoolArguments

__all__ = ["CallOutcome", "Pool", "PoolError"]

_DEFAULTS = CallLimits()
_PATIENCE_SECONDS = 1.0
"""How long the keepers of a broken crew may take to end what they run."""
_FAILED_STARTS = 5


class PoolError(Exception):
    """The keepers cannot be started: the entry cannot be loaded, or they die before it is."""


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PoolError(f"the keepers cannot be started: {error}") from error


class Pool:
    """Runs calls in processes, at most `size` at once, and kills any of them on demand."""

    def __init__(
        self,
        size: int,
        load: Callable[[], Entry],
        work: WorkPlace,
        *,
        keep_fds: Collection[int] = (),
        limits: CallLimits = _DEFAULTS,
    ):
        """Load the entry, and start the keepers without waiting for them. Raises PoolError.
        `load` is pickled and called once, in the fork server, so that what it imports is there
        before anything is forked. `keep_fds` are held by all processes of the pool as well."""
        require_main_thread()
        self.size, self.log_bytes = size, limits.log_bytes
        self._calls = Calls()
        self._closed = False
        self._failed_starts = 0
        self._work = work
        self.lease = Lease()
        """When it ends, the keepers end their calls as lost; whatever becomes of this process."""
        keep = tuple(dict.fromkeys(keep_fds))
        given = PoolArguments(limits, keep, self.lease, work)
        with _starting(), contextlib.ExitStack() as held:
            held.callback(self.lease.close)
            self._bell = EventFd()
            held.callback(self._bell.close)
            held.callback(processes.adopt_orphans, processes.adopt_orphans())
            server = ForkServer(load, limits.env, keep)
            held.callback(server.close)
            self._new_crew = partial(KeeperExecutor, size, given, server, self._bell.ring)
            self._crew = self._new_crew()
            self._held = held.pop_all()

    def room(self, ahead: int = 0) -> int:
        """How many more calls would start at once, or wait behind `ahead` others at most."""
        return max(0, self._crew.room(ahead) - self._calls.in_no_hands)

    def submit(self, token: str, request: str, timeout: float | None) -> None:
        """Run entry(request, report) in a job process, for at most `timeout` seconds. The token
        names the call, and is never used again. Raises PoolError; and ValueError if too many wait,
        the token is known, or the timeout is not above zero."""
        require_main_thread()
        calls = self._calls.running
        if self._closed or len(calls) >= self.size * (1 + MOST_AHEAD) or token in calls:
            raise ValueError(f"cannot take {token!r}: closed, too many wait, or it is known")
        if timeout is not None and not timeout > 0:
            raise ValueError(f"a timeout is above zero, not {timeout}")
        if self._crew.broken or not self._hand_in(token, request, timeout):
            self._replace_crew()
            if not self._hand_in(token, request, timeout):
                self._calls.add(token, None)
        self._rouse()

    def kill(self, token: str) -> bool:
        """Kill a call, now or as soon as it has started; False if it is not known (any more). Its
        outcome is collected as any other. To be asked again for one that takes long."""
        known = self._calls.kill(token)
        if known:
            self._crew.thaw()
            self._rouse()
        return known

    def collect(self) -> list[tuple[str, CallOutcome]]:
        """The outcomes since last asked, with their tokens. Waits for nothing, but up to a second
        after a keeper was killed: all are replaced. Raises PoolError."""
        self._receive()
        if self._crew.broken and not self._closed:
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

    def output(self) -> dict[str, list[Piece]]:
        """What each call has printed since last asked; of one that was collected, the rest."""
        output = self._calls.take_output()
        self._rouse()
        return output

    def waiting(self, seconds: float) -> Iterator[str]:
        """The calls that have waited behind others for so long, the first ones first."""
        return self._calls.waiting(seconds)

    def pids(self) -> dict[str, int]:
        """The job processes of the calls that have started, by token."""
        self._receive()
        self._rouse()
        return self._calls.pids()

    def filenos(self) -> tuple[int, ...]:
        """To wait on: one is readable while there is news to ask for. They change with keepers."""
        return self._bell.fileno(), self._crew.fileno()

    def close(self, patience: float = 5.0) -> None:
        """Kill what runs, end all processes (keepers have `patience` seconds), and free what the
        pool holds. What still ran can be collected afterwards."""
        if not self._closed:
            self._crew.end(patience, self._receive)
            self._calls.lose_all()
            self._closed = True
            self._held.close()

    def _replace_crew(self) -> None:
        """End a broken crew, with all that ran, and start a new one. Raises PoolError."""
        require_main_thread()
        with _starting():
            self._crew.end(_PATIENCE_SECONDS, self._receive)
            self._calls.lose_all()
            self._work.clear()
            self._check_crew()
            self._crew = self._new_crew()

    def _check_crew(self) -> None:
        """Raises PoolError if a crew after the one that has ended would fare no better."""
        self._failed_starts = 0 if self._crew.is_ready else self._failed_starts + 1
        if self._failed_starts == _FAILED_STARTS:
            raise PoolError(f"the keepers died {_FAILED_STARTS} times before they were ready")

    def _hand_in(self, token: str, request: str, timeout: float | None) -> bool:
        """Give a call to the crew; False if that is broken."""
        try:
            link = self._crew.submit(token, request, timeout)
            self._calls.add(token, link, behind=len(link) > 1)
        except ConnectionError:
            self._crew.note_break()
            return False
        except OSError as error:
            self._calls.add(token, None)
            self._calls.lose(token, not_handed_over(error))
        return True

    def _receive(self) -> None:
        """Take all that the keepers have sent."""
        for message in self._crew.news():
            self._calls.hear(message)

    def _rouse(self) -> None:
        """Let the descriptors be readable exactly while there is something to ask for."""
        if not self._closed:
            self._bell.match(self._has_news)

    def _has_news(self) -> bool:
        return self._calls.has_news() or self._crew.broken
