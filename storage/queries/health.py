"""Whether the store can take jobs, and PostgreSQL transactions that have been open for too long.

While a transaction is open, PostgreSQL cannot remove rows that were changed since it began. Claims
have to skip all those dead rows, and become slow.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from storage.db.database import Database
from storage.db.schema.state import read_state
from storage.records.job import StoreUnusable

MAX_IDLE_SECONDS = 10.0
"""Age from which an idle transaction is reported."""
MAX_ACTIVE_SECONDS = 60.0
"""Age from which an active transaction is reported."""
_MAX_SHOWN = 5
# Sessions of other users are only visible to members of the role pg_read_all_stats.
_SELECT = """
SELECT pid, application_name, state LIKE 'idle%%', extract(epoch FROM xact_start)::float8,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND backend_type = 'client backend'
ORDER BY xact_start LIMIT %s"""


class _Rollback(Exception):
    pass


def require_ready(database: Database) -> None:
    """Raise StoreError unless the database accepts changes and this release works with its schema.

    Makes a change and rolls it back, so nothing is written to disk or visible to others.
    """
    schema = read_state(database)
    schema.require_compatible()
    if schema.pending:
        raise StoreUnusable(f"the schema of the database is older: {schema.pending[0]} is missing")
    with contextlib.suppress(_Rollback), database.transaction():
        database.next_version(0)
        raise _Rollback


@dataclass(frozen=True)
class OpenTransaction:
    """An open transaction: process id and application name of its session, whether it is idle, when
    it began (seconds since 1970, by the server's clock), and its age in seconds."""

    pid: int
    name: str
    idle: bool
    began_at: float
    seconds: float

    @property
    def too_old(self) -> bool:
        """Whether the transaction is old enough to do harm."""
        return self.seconds > (MAX_IDLE_SECONDS if self.idle else MAX_ACTIVE_SECONDS)


def open_transactions(database: Database) -> Sequence[OpenTransaction]:
    """Return the few oldest transactions of this database, oldest first; none on SQLite."""
    if not database.postgresql:
        return ()
    found = database.execute(_SELECT, (_MAX_SHOWN,)).fetchall()
    return [OpenTransaction(*row) for row in found]


def oldest_transaction_seconds(database: Database) -> float | None:
    """Age of the oldest transaction in seconds, 0 if none is open; None on SQLite."""
    if not database.postgresql:
        return None
    return max((each.seconds for each in open_transactions(database)), default=0.0)
