"""The current time for the jobs of a store, in milliseconds since 1970.

With SQLite, all programs run on one machine and use its clock. With PostgreSQL, all programs use
the clock of the database. So a host with a wrong clock runs no job early or late.
"""

import time
from collections.abc import Callable

import peewee as pw

from storage.db.database import Database

Clock = Callable[[], int]

DATABASE_NOW = pw.SQL("(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
QUERY_SECONDS = 10.0


def machine_clock() -> int:
    """Return the time of this machine's clock."""
    return time.time_ns() // 1_000_000


def steady_now() -> float:
    """Return seconds of a monotonic clock that keeps running while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DatabaseClock:
    """The clock of PostgreSQL: queried now and then, and extrapolated with `steady_now`."""

    def __init__(self, database: Database):
        self._database = database
        self._known: tuple[int, float] | None = None
        """Database time and `steady_now` of the last query. Threads replace the tuple as a whole.
        """

    def __call__(self) -> int:
        """Return the time.

        Raises StoreUnavailable if the database must be queried and cannot be reached.
        """
        known, now = self._known, steady_now()
        if known is None or now - known[1] > QUERY_SECONDS:
            query = pw.Select(columns=[DATABASE_NOW.alias("now")])
            known = self._known = int(self._database.rows(query)[0]["now"]), now
        return known[0] + round((now - known[1]) * 1000)


def clock_of(database: Database) -> Clock:
    """Return the clock for the jobs of this database."""
    return DatabaseClock(database) if database.postgresql else machine_clock


class ClockSetBackDetector:
    """Detects that a clock was set back, by comparing it with `steady_now`."""

    MIN_SECONDS = 1.0

    def __init__(self, clock: Clock):
        self._clock = clock
        self._offset: float | None = None

    def was_set_back(self) -> bool:
        """Return whether the clock was set back by a second or more since the last call.

        The first call returns False.
        """
        previous, self._offset = self._offset, self._measure()
        return previous is not None and previous - self._offset >= self.MIN_SECONDS

    def _measure(self) -> float:
        return self._clock() / 1000 - steady_now()
