"""The clock skew of job ids: the largest distance between the time in an id and `created_at`.

A listener makes an id by its own clock, shortly before the job is stored. `created_at` is by the
store's clock. A search by time uses the ids, so it must know how far off they can be.
"""

from collections.abc import Sequence

import peewee as pw

from storage.db.database import Database
from storage.db.models import CounterRow
from storage.db.parameters import parameter
from storage.db.statements import Values
from storage.records.ids import id_time_ms

_IS_SKEW = pw.SQL("type = '' AND name = 'version id_skew_ms'")
MIN_SKEW_MS = 1024
"""Minimum skew that is stored, since some time always passes between an id and its job."""


class IdSkew:
    """Records the skew of new jobs. For one thread."""

    def __init__(self, database: Database):
        self._database = database
        self._known = 0
        """Lower bound of the stored skew. Only set from committed data, as a transaction may still
        fail."""

    def record(self, rows: Sequence[Values]) -> None:
        """Raise the stored skew if these new jobs need it. Call this in the transaction that stores
        them."""
        skew = max(abs(id_time_ms(row["id"]) - row["created_at"]) for row in rows)
        if skew <= self._known:
            return
        self._known = stored_skew(self._database)
        if skew > self._known:
            # Rounded up to a power of two, so that the row is seldom updated.
            wide = max(MIN_SKEW_MS, 1 << skew.bit_length())
            self._database.change(self._database.statement("skew", _update), {"wide": wide})


def stored_skew(database: Database) -> int:
    """The largest skew of all jobs, in milliseconds."""
    return int(database.fetch(database.statement("stored skew", _select), {})[0]["value"])


def _select() -> pw.Select:
    return CounterRow.select(CounterRow.value).where(_IS_SKEW)


def _update() -> pw.Update:
    wide = parameter(CounterRow.value, "wide")
    # Another listener may have stored a larger skew in the meantime.
    return CounterRow.update(value=wide).where(_IS_SKEW, CounterRow.value < wide)
