"""Optimistic transactions on PostgreSQL: changes do not wait for their row counts.

All changes are sent together with the commit, so other writers wait only for the server's work and
not for the network between the server and this program.

    normal       UPDATE ─▶ row count ─▶ UPDATE ─▶ row count ─▶ COMMIT
    optimistic   UPDATE, UPDATE, COMMIT ─▶ all changed, or the server aborts the transaction

If a row is not in the expected state, the server aborts the transaction, nothing has changed, and
OptimisticConflict is raised. The caller then repeats the transaction in normal mode.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peewee as pw

from storage.db.errors import sqlstate_of
from storage.db.statements import NOT_ALL_CHANGED


class OptimisticConflict(Exception):
    """The server aborted an optimistic transaction because a row was not in the expected state."""


class _OptimisticMode(threading.local):
    """Whether the current transaction of a thread is optimistic."""

    is_active = False


class OptimisticTransactions:
    """Mixin of Database that switches a thread to optimistic mode."""

    postgresql: bool

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._mode = _OptimisticMode()

    @property
    def is_optimistic(self) -> bool:
        """Whether changes assume that their guards hold."""
        return self._mode.is_active

    @contextmanager
    def optimistic(self) -> Iterator[None]:
        """Make the transactions in this block optimistic; no effect on SQLite.

        Raises OptimisticConflict if a row was not in the expected state.
        """
        self._mode.is_active = self.postgresql
        try:
            yield
        except pw.IntegrityError as error:  # the attempt's job was deleted
            raise OptimisticConflict from error
        except pw.DataError as error:
            if sqlstate_of(error) == NOT_ALL_CHANGED:
                raise OptimisticConflict from error
            raise
        finally:
            self._mode.is_active = False
