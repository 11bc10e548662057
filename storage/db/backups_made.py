"""When the last backup of the store was made, and how many there were, as counters in the database.

A backup contains the counters of the backup before it.
"""

from dataclasses import dataclass

import peewee as pw

from storage.db.database import Database
from storage.db.models import CounterRow
from storage.db.parameters import parameter

_OF_ALL_JOBS = ""
_AT, _SUCCEEDED, _FAILED = "backup at", "backup succeeded", "backup failed"


@dataclass(frozen=True)
class BackupStats:
    """When the last backup began, in milliseconds since 1970, or None; and counts of backups."""

    last_at: int | None = None
    succeeded: int = 0
    failed: int = 0


def record_backup(database: Database, began_at: int) -> None:
    """Record that a backup was made, in a transaction. Raises StoreError."""
    with database.transaction():
        database.counters.add(_OF_ALL_JOBS, _SUCCEEDED)
        values = {"type": _OF_ALL_JOBS, "name": _AT, "value": began_at}
        database.change(database.statement("backup made", _set_statement), values)


def record_failed_backup(database: Database) -> None:
    """Record that a backup could not be made, in a transaction. Raises StoreError."""
    with database.transaction():
        database.counters.add(_OF_ALL_JOBS, _FAILED)


def read_backups(database: Database) -> BackupStats:
    """Return the statistics of backups. Raises StoreError."""
    rows = database.fetch(database.statement("backups made", _select), {})
    found = {row["name"]: int(row["value"]) for row in rows}
    return BackupStats(found.get(_AT), found.get(_SUCCEEDED, 0), found.get(_FAILED, 0))


def _select() -> pw.Select:
    of_backups = CounterRow.name.in_((_AT, _SUCCEEDED, _FAILED))
    return CounterRow.select(CounterRow.name, CounterRow.value).where(
        CounterRow.type == _OF_ALL_JOBS, of_backups
    )


def _set_statement() -> pw.Insert:
    names = ("type", "name", "value")
    insert = CounterRow.insert(**{name: parameter(getattr(CounterRow, name)) for name in names})
    return insert.on_conflict(
        conflict_target=[CounterRow.type, CounterRow.name], preserve=[CounterRow.value]
    )
