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

from storage.db.models import VersionRow
from storage.db.parameters import parameter

PendingVersion = Callable[[], int]
"""Returns a version; waits until the server has reported it."""
NEWEST_VERSION = pw.SQL("(SELECT value FROM version)")


class _ReservedVersions(threading.local):
    """The versions that the current transaction of a thread has reserved and not used yet."""

    _newest: Any = None
    _unused = -1

    def reset(self) -> None:
        """Forget the versions of the previous transaction."""
        self._unused = -1

    @property
    def has_any(self) -> bool:
        """Whether this transaction has reserved any versions."""
        return self._unused >= 0

    def add(self, newest: Any, count: int) -> None:
        """Record that `count` versions up to the pending result `newest` were reserved."""
        self._newest, self._unused = newest, count

    def next_offset(self, count: int) -> int | None:
        """Use the next `count` versions, and return how far the last of them is behind the newest.

        Returns None if fewer than `count` are unused, or none were ever reserved.
        """
        if count > self._unused:
            return None
        self._unused -= count
        return self._unused

    @property
    def newest(self) -> Any:
        """The pending result that holds the newest reserved version."""
        return self._newest


class VersionSequence:
    """Mixin of Database that allocates versions."""

    engine: Any
    statement: Any
    translate_errors: Any

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._reserved = _ReservedVersions()

    def next_version(self, count: int = 1) -> int:
        """Allocate the next `count` versions, and return the last one.

        Only inside a transaction. Waits for the version lock, which orders the commits.
        """
        return self.version_at(self.next_version_offset(count))

    def next_version_offset(self, count: int) -> int:
        """Allocate the next `count` versions, and return the offset of the last from the newest.

        Needs no round trip. All statements that follow run after the version lock is taken.
        """
        if (offset := self._reserved.next_offset(count)) is not None:
            return offset
        self.reserve_versions(count)
        return self.next_version_offset(count)

    def reserve_versions(self, count: int) -> None:
        """Reserve versions for the coming changes of this transaction. Takes the version lock."""
        first = not self._reserved.has_any
        advance = self.statement(("next version", first), lambda: _advance(first))
        with self.translate_errors():
            newest = self.engine.defer_query(advance.sql, advance.arguments({"count": count}))
        self._reserved.add(newest, count)

    def version_at(self, offset: int) -> int:
        """Return the version with this offset from the newest version of the transaction."""
        return self.pending_newest_version()() - offset

    def pending_newest_version(self) -> PendingVersion:
        """Return a function that returns the newest version of this transaction.

        It can be called after the transaction; within it, it may have to wait for the result.
        """
        result = self._reserved.newest

        def newest() -> int:
            with self.translate_errors():
                return int(result.value())

        return newest


class _VersionRow(VersionRow):
    """The row with the column that only this module writes. Transfers leave it out."""

    base = pw.BigIntegerField(null=True)
    """The value before the transaction that changed it last, for
    `storage/db/sqlite_file/wal_file.py`."""

    class Meta:
        table_name = "version"


def _advance(first: bool) -> Any:
    """Build the statement that advances the sequence by `count`, and returns the last version.

    `first` says that it is the first one in its transaction.
    """
    count = parameter(VersionRow.value, "count")
    base = {"base": _VersionRow.value} if first else {}
    advance = _VersionRow.update(value=_VersionRow.value + count, **base)
    return advance.returning(_VersionRow.value)
