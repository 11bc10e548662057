"""How far the times in ids are from `created_at`: the most that any job had.

Ids are made by the clocks of listeners, and a while before their jobs are stored; `created_at` is
by the clock of the store. A search by time goes by ids, and has to know how far off they may be.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from storage.db.database import Database
from storage.db.models import VersionRow
from storage.db.parameters import parameter

_TIME_BITS = 80
"""A UUID of version 7 begins with its time in milliseconds; so many bits follow."""
_LATEST_MS = (1 << 48) - 1
MIN_SKEW_MS = 1024
"""What is noted at least: a moment always passes between an id and its job."""


class IdSkew:
    """Notes the skew of new jobs; for one thread."""

    def __init__(self, database: Database):
        self._database = database
        self._known = 0
        """What the store surely has: never what a transaction that may yet fail has written."""

    def record(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """To be called in the transaction that stores these jobs."""
        skew = max(abs(id_time_ms(row["id"]) - row["created_at"]) for row in rows)
        if skew <= self._known:
            return
        self._known = stored_skew(self._database)
        if skew > self._known:
            # Rounded up, or it would grow by a little again and again.
            wide = max(MIN_SKEW_MS, 1 << skew.bit_length())
            self._database.change(self._database.statement("skew", _update), {"wide": wide})


def stored_skew(database: Database) -> int:
    """The skew of all jobs, in milliseconds."""
    return int(database.fetch(database.statement("stored skew", _select), {})[0]["id_skew_ms"])


def id_time_ms(job_id: UUID) -> int:
    """The time in an id, in milliseconds."""
    return job_id.int >> _TIME_BITS


def first_id_at(ms: int) -> UUID:
    """The least id that can be of a time."""
    return UUID(int=min(max(0, ms), _LATEST_MS) << _TIME_BITS)


def _select() -> Any:
    return VersionRow.select(VersionRow.id_skew_ms).where(VersionRow.id == 1)  # the one row


def _update() -> Any:
    wide = parameter(VersionRow.id_skew_ms, "wide")
    # Another listener may have noted a larger one meanwhile.
    return VersionRow.update(id_skew_ms=wide).where(VersionRow.id_skew_ms < wide)
