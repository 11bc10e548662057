"""The numbers of changes, which come out of one row: who has taken some holds up all who write.

A change names its number by how far it is behind the newest: so it can be sent together with what
takes the numbers, before these are known.
"""

import threading
from collections.abc import Callable
from typing import Any

import peewee as pw

from storage.db.models import VersionRow
from storage.db.parameters import parameter

Newest = Callable[[], int]
NEWEST = pw.SQL("(SELECT value FROM version)")
_QUEUE_UP = "SELECT pg_advisory_xact_lock('version'::regclass::oid::integer, 0)"
"""Wait for one's turn among those who want numbers, until the transaction ends. All who wait for a
row that is changed would wake up for each of its changes, and any might be the next."""


class _ReservedVersions(threading.local):
    """Those that a thread's transaction has taken."""

    _newest: Any = None
    _left = -1

    def forget(self) -> None:
        """A new transaction has taken none."""
        self._left = -1

    @property
    def any_taken(self) -> bool:
        """Whether it has taken any."""
        return self._left >= 0

    def take(self, newest: Any, count: int) -> None:
        """It has taken so many, up to the newest, which is the answer to a statement."""
        self._newest, self._left = newest, count

    def next(self, count: int) -> int | None:
        """How far behind the newest the last of the next `count` is; None if so many are not left,
        or none was ever taken."""
        if count > self._left:
            return None
        self._left -= count
        return self._left

    @property
    def newest(self) -> Any:
        """The answer with the newest."""
        return self._newest


class VersionSequence:
    """For a database."""

    engine: Any
    postgresql: bool
    statement: Any
    translated: Any

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._numbers = _ReservedVersions()

    def next_version(self, count: int = 1) -> int:
        """Number the next changes; the last of so many numbers.

        Only inside a transaction, which keeps the order of commits.
        """
        return self.version(self.number_next(count))

    def number_next(self, count: int) -> int:
        """The same without a wait: how far the last number is behind the newest. What is run from
        here on, is run after the numbers were taken."""
        if (behind := self._numbers.next(count)) is not None:
            return behind
        self.take_numbers(count)
        return self.number_next(count)

    def take_numbers(self, count: int) -> None:
        """Take so many numbers for what the transaction changes from here on, as above."""
        advance = self.statement("next version", _advance)
        with self.translated():
            if self.postgresql and not self._numbers.any_taken:
                self.engine.later(_QUEUE_UP, ())
            newest = self.engine.ask_later(advance.sql, advance.arguments({"count": count}))
        self._numbers.take(newest, count)

    def version(self, behind: int) -> int:
        """The number that is so far behind the newest of this transaction."""
        return self.newest()() - behind

    def newest(self) -> Newest:
        """What tells the newest number of this transaction, also when that has ended: before, it
        may have to wait."""
        answer = self._numbers.newest

        def newest() -> int:
            with self.translated():
                return int(answer.value())

        return newest


def _advance() -> Any:
    """Takes the next numbers: the last of so many."""
    count = parameter(VersionRow.value, "count")
    return VersionRow.update(value=VersionRow.value + count).returning(VersionRow.value)
