"""Transactions that wake those who wait for what they change."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage.db.database import Database
from storage.notify.wakeup import Wakeup


@contextmanager
def notifying_transaction(wakeup: Wakeup, database: Database, *topics: str) -> Iterator[list[str]]:
    """A transaction, with whose commit all waiters of these topics are woken, and of those that are
    added to the list meanwhile. Raises as `Database.transaction` does."""
    woken = list(topics)
    with database.transaction(lambda: wakeup.notify_in_transaction(woken)):
        yield woken
    wakeup.notify_after_commit(woken)
