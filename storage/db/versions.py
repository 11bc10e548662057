"""Versions: the sequence numbers of all changes, from a single row that serializes all writers.

A transaction reserves versions by an UPDATE of that row, and thereby locks it until its end. So
versions are committed in order, and a reader that has seen a version has missed none before it.

A change refers to its version by the offset from the newest reserved version. So changes can be
sent in one round trip with the UPDATE, before its result is known.
"""

import threading
from collections.abc import Callable
from typing import Any

import peewee as pw

from storage.db.models import CounterRow
from storage.db.parameters import parameter

PendingVersion = Callable[[], int]
"""Returns a version; waits until the server has reported it."""
IS_VERSION = pw.SQL("type = '' AND name = 'version'")
"""The condition for the row of `counter` that is the version row."""
NEWEST_VERSION = pw.SQL(f"(SELECT value FROM counter WHERE {IS_VERSION.sql})")


class ReservedVersions(threading.local):
    """The versions that the current transaction of a thread has reserved and not used yet."""

    newest: Any = None
    """The pending result that holds the newest reserved version."""
    unused = -1
    """How many versions up to the newest are unused; -1 if the transaction has reserved none."""


class _VersionRow(CounterRow):
    """The row with the column that only this module writes. Transfers leave it out."""

    base = pw.BigIntegerField(null=True)
    """The value before the transaction that changed it last, for
    `storage/db/sqlite_file/wal_file.py`."""

    class Meta:
        table_name = "counter"
        primary_key = pw.CompositeKey("type", "name")


def select_newest_version() -> pw.Select:
    """Select the newest version of all changes."""
    return CounterRow.select(CounterRow.value).where(IS_VERSION)


def advance_statement(first: bool) -> pw.Update:
    """Build the statement that advances the sequence by `count`, and returns the last version.

    `first` says that it is the first one in its transaction.
    """
    count = parameter(_VersionRow.value, "count")
    base = {"base": _VersionRow.value} if first else {}
    advance = _VersionRow.update(value=_VersionRow.value + count, **base).where(IS_VERSION)
    return advance.returning(_VersionRow.value)
