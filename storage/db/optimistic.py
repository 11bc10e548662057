"""Changes that are taken for granted, on PostgreSQL: nobody waits for their results, so that they
go with the commit, all in one breath. Whoever writes is then held up by the server's work alone,
not by what lies between the server and this program.

If a row is not as was hoped, the server ends the transaction: nothing has happened, and it has to
be run again without hope.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peewee as pw

from storage.db.errors import server_state
from storage.db.statements import NOT_ALL


class OptimisticConflict(Exception):
    """A transaction was ended, since not all was as was hoped."""


class _OptimisticTransaction(threading.local):
    """Whether a thread's transaction takes its changes for granted."""

    is_held = False


class OptimisticTransactions:
    """For a database."""

    postgresql: bool

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._hope = _OptimisticTransaction()

    @property
    def hopes(self) -> bool:
        """Whether changes are to be taken for granted."""
        return self._hope.is_held

    @contextmanager
    def hoping(self) -> Iterator[None]:
        """Around a transaction whose changes of jobs are taken for granted. Raises Mistaken."""
        self._hope.is_held = self.postgresql
        try:
            yield
        except pw.IntegrityError as error:  # an attempt of a job that is gone
            raise OptimisticConflict from error
        except pw.DataError as error:
            if server_state(error) == NOT_ALL:
                raise OptimisticConflict from error
            raise
        finally:
            self._hope.is_held = False
