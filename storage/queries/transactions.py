"""Transactions in a PostgreSQL database that are open for long, whosever they are.

While one is open, no row that was changed since can be cleared away: claims have to pass over all
of them, and become slow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.db.database import Database

IDLE_SECONDS = 10.0
"""From here on, a transaction that does nothing is told of,"""
BUSY_SECONDS = 60.0
"""and from here on, one that works, and that rows have to be kept for."""
_SHOWN = 5
# Of other users' sessions, it shows these columns only to who has the role pg_read_all_stats.
_SELECT = """
SELECT pid, application_name, state LIKE 'idle%%', extract(epoch FROM xact_start)::float8,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND backend_type = 'client backend'
ORDER BY xact_start LIMIT %s"""


@dataclass(frozen=True)
class OpenTransaction:
    """A transaction of some session: which one, its name, whether it does nothing just now, when
    it began (seconds since 1970, by the server's clock), and its age in seconds."""

    pid: int
    name: str
    idle: bool
    began_at: float
    seconds: float

    @property
    def too_old(self) -> bool:
        """Whether it does harm by now."""
        return self.seconds > (IDLE_SECONDS if self.idle else BUSY_SECONDS)


def open_transactions(database: Database) -> Sequence[OpenTransaction]:
    """The oldest few in this database, the oldest first; none on SQLite."""
    if not database.postgresql:
        return ()
    with database.translate_errors():
        found = database.engine.execute_sql(_SELECT, (_SHOWN,)).fetchall()
    return [OpenTransaction(*row) for row in found]


def oldest_seconds(database: Database) -> float | None:
    """How old the oldest one is, 0 if none is open; None on SQLite."""
    if not database.postgresql:
        return None
    return max((each.seconds for each in open_transactions(database)), default=0.0)
