"""Transactions that wake the programs waiting for their changes."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage.db.database import Database
from storage.notify.wakeup import Wakeup


@contextmanager
def notifying_transaction(wakeup: Wakeup, database: Database, *topics: str) -> Iterator[list[str]]:
    """Run a transaction, then wake all waiters of the given topics.

    The block may append topics to the list it gets. A failed transaction sends no wake-ups. Raises
    the errors of `Database.transaction`.
    """
    all_topics = list(topics)
    with database.transaction(lambda: wakeup.notify_in_transaction(all_topics)):
        yield all_topics
    wakeup.notify_after_commit(all_topics)
