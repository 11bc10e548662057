"""X."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from storage.db.database import Database
from storage.db.schema.migrate import pending_and_newer
from storage.records.job import StoreUnusable

MAX_IDLE_SECONDS = 10.0
"""From here on, a transaction that does nothing is told of,"""
MAX_ACTIVE_SECONDS = 60.0
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


class _Undo(Exception):
    pass


def require_ready(database: Database) -> None:
    """Raise StoreError unless the store takes changes and its schema is the one of this code.

    Makes a change and takes it back: nothing is written to the disk, and nobody sees it.
    """
    pending, newer = pending_and_newer(database)
    if pending or newer:
        found = f"newer by {newer[-1]}" if newer else f"older: {pending[0]} is missing"
        raise StoreUnusable(f"the schema of the database is {found}")
    with contextlib.suppress(_Undo), database.transaction():
        database.next_version(0)
        raise _Undo


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
        return self.seconds > (MAX_IDLE_SECONDS if self.idle else MAX_ACTIVE_SECONDS)


def open_transactions(database: Database) -> Sequence[OpenTransaction]:
    """The oldest few in this database, the oldest first; none on SQLite."""
    if not database.postgresql:
        return ()
    with database.translated():
        found = database.engine.execute_sql(_SELECT, (_SHOWN,)).fetchall()
    return [OpenTransaction(*row) for row in found]


def oldest_transaction_seconds(database: Database) -> float | None:
    """How old the oldest one is, 0 if none is open; None on SQLite."""
    if not database.postgresql:
        return None
    return max((each.seconds for each in open_transactions(database)), default=0.0)
