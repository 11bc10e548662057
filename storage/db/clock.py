"""What time it is for the jobs of a store, in milliseconds since 1970.

On SQLite, all programs are on one machine and ask its clock. On PostgreSQL they ask the database's,
so that a host whose clock is wrong runs no job early or late.
"""

import time
from collections.abc import Callable

import peewee as pw

from storage.db.database import Database

Clock = Callable[[], int]

DATABASE_NOW = pw.SQL("(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
ASK_SECONDS = 10.0


def machine_clock() -> int:
    """By this machine's clock."""
    return time.time_ns() // 1_000_000


def steady_now() -> float:
    """Seconds by a clock that no one sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DatabaseClock:
    """By the clock of PostgreSQL: asked for now and then, and carried on by a steady one."""

    def __init__(self, database: Database):
        self._database = database
        self._known: tuple[int, float] | None = None
        """What the database said, and when; replaced as a whole, since many threads ask."""

    def __call__(self) -> int:
        """The time. Raises StoreUnavailable when the database has to be asked, and cannot be."""
        known, now = self._known, steady_now()
        if known is None or now - known[1] > ASK_SECONDS:
            query = pw.Select(columns=[DATABASE_NOW.alias("now")])
            known = self._known = int(self._database.rows(query)[0]["now"]), now
        return known[0] + round((now - known[1]) * 1000)


def clock_of(database: Database) -> Clock:
    """The clock that goes with a database."""
    return DatabaseClock(database) if database.postgresql else machine_clock


class ClockSetBackDetector:
    """Notices that a clock was set back, by comparing it with a steady one."""

    LEAST_SECONDS = 1.0

    def __init__(self, clock: Clock):
        self._clock = clock
        self._ahead: float | None = None

    def came(self) -> bool:
        """Whether it was set back by a second or more since last asked; the first time, no."""
        before, self._ahead = self._ahead, self._measure()
        return before is not None and before - self._ahead >= self.LEAST_SECONDS

    def _measure(self) -> float:
        return self._clock() / 1000 - steady_now()
