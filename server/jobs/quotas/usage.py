"""`UseCounts`: how much callers use of what their quotas limit, such as queued jobs.

The store is counted in the background while a caller makes requests, and what its requests add is
added to the last count:

    use = the last count + what was stored since that count began + what requests have reserved

So no request of one listener exceeds a quota. Another listener learns of it by its next count.

Jobs or bytes that are stored while a count runs may be in the count as well, so the use may be
less than this sum. A request that is refused only for that waits for a new count.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from server.http.request_log import RunInBackground
from server.store.threads import StoreThreads
from storage.records.job import StoreError

COUNT_SECONDS = 1.0
"""Time between two counts of a caller that makes requests."""
FULL_COUNT_SECONDS = 0.1
"""The same while its quota is used up, so that it soon learns what has become free."""
COST_FACTOR = 20
"""A count is as many times as long ago as it took, so counts take at most 5 % of the time."""
MAX_PAUSE_SECONDS = 60.0
MAX_WAIT_SECONDS = 1.0
"""How long a request waits until a new count is due, if the last one may have counted twice."""
MAX_CALLERS = 10_000
"""Callers whose counts are kept. The least recently used are forgotten first."""


@dataclass
class Use:
    """The use of one caller. Amounts are numbers of jobs or of bytes."""

    counted: int | None = None
    """The last count; None before the first."""
    counted_to: float = 0
    """The limit up to which was counted."""
    counted_at: float = 0.0
    cost: float = 0.0
    """How many seconds the last count took."""
    stored: int = 0
    """What requests have stored since the last count began."""
    reserved: int = 0
    """What requests may still store."""
    counted_twice: int = 0
    """What may be in the last count and in the other numbers as well."""
    counting: "asyncio.Future[None] | None" = None
    """The count that is under way."""

    @property
    def amount(self) -> int:
        """The use, as far as this listener knows it."""
        return (self.counted or 0) + self.stored + self.reserved

    def due_at(self, pause: float) -> float:
        """When the next count is due, if counts are so many seconds apart, or more if one takes
        long."""
        return self.counted_at + min(MAX_PAUSE_SECONDS, max(pause, COST_FACTOR * self.cost))

    def is_due(self, pause: float) -> bool:
        """Whether the next count is under way, or due as `due_at` says."""
        return self.counting is not None or time.monotonic() >= self.due_at(pause)


class UseCounts:
    """The use of all callers of a listener. Counts run one at a time."""

    def __init__(
        self,
        threads: StoreThreads,
        run_in_background: RunInBackground,
        count: Callable[[str, int], int],
    ):
        """`count` counts the use of a named caller up to a limit. It may block, and may raise
        StoreError."""
        self._threads = threads
        self._run_in_background = run_in_background
        self._count = count
        self._one_at_a_time = asyncio.Lock()
        self._uses: OrderedDict[str, Use] = OrderedDict()

    async def current(self, name: str, limit: int, room: int = 0) -> Use:
        """Return the use of a caller, which is known.

        The first request of a caller waits for a count. If `room` more would exceed the limit, a
        request waits for a new count once it is due. Raises StoreError if that count fails.
        """
        use = self._use(name)
        while use.counted is None or limit > use.counted_to:
            await asyncio.shield(self._begin(name, limit, use))
        if use.is_due(COUNT_SECONDS):
            self._begin(name, limit, use)
        if use.amount + room > limit and await self._is_due(use, limit - room):
            await asyncio.shield(self._begin(name, limit, use))
        return use

    async def _is_due(self, use: Use, most: int) -> bool:
        """Whether the use of a caller, which is more than `most`, can be counted now. Waits for
        that if the use may be less."""
        if use.is_due(FULL_COUNT_SECONDS):
            return True
        left = use.due_at(0.0) - time.monotonic()
        if use.amount - use.counted_twice > most or left > MAX_WAIT_SECONDS:
            return False
        await asyncio.sleep(left)
        return True

    async def latest(self, name: str, limit: int) -> Use:
        """Return the use of a caller for a person to read: counted anew if that is due.

        Raises StoreError if the store cannot be counted.
        """
        use = await self.current(name, limit)
        if use.is_due(FULL_COUNT_SECONDS):
            await asyncio.shield(self._begin(name, limit, use))
        return use

    def forget(self, name: str) -> None:
        """Let the next request of a caller wait for a count, after a change of unknown size."""
        if (use := self._uses.get(name)) is not None:
            use.counted = None

    def _use(self, name: str) -> Use:
        use = self._uses.setdefault(name, Use())
        self._uses.move_to_end(name)
        if len(self._uses) > MAX_CALLERS:
            unused = (each for each, of in self._uses.items() if not (of.reserved or of.counting))
            del self._uses[next(unused)]
        return use

    def _begin(self, name: str, limit: int, use: Use) -> "asyncio.Future[None]":
        """Return the count of a caller that is under way; begin one if there is none."""
        if use.counting is None:
            use.counting = asyncio.get_running_loop().create_future()
            self._run_in_background(self._recount(name, limit, use, use.counting))
        return use.counting

    async def _recount(self, name: str, limit: int, use: Use, done: "asyncio.Future[None]") -> None:
        try:
            async with self._one_at_a_time:
                before = use.stored
                counted, cost = await self._threads.run(self._timed_count, name, limit)
        except BaseException as error:
            use.counting, use.counted_at = None, time.monotonic()
            done.set_exception(error)
            done.exception()  # retrieved, so that asyncio does not log it
            if not isinstance(error, StoreError):
                raise
            return
        use.counted, use.counted_to, use.stored = counted, limit, use.stored - before
        use.counted_twice = use.stored + use.reserved
        use.counting, use.counted_at, use.cost = None, time.monotonic(), cost
        done.set_result(None)

    def _timed_count(self, name: str, limit: int) -> tuple[int, float]:
        began_at = time.perf_counter()
        counted = self._count(name, limit)
        return counted, time.perf_counter() - began_at
