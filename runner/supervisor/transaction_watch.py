"""Warns of transactions that are open for long in the database, whosever they are."""

import logging

from storage.db.database import Database
from storage.queries.health import OpenTransaction, open_transactions

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
AGAIN = 10.0
"""A transaction is told of again once it has become so many times as old."""


class TransactionWatch:
    """Tells of each in the log: when it has become too old, and rarely after that."""

    def __init__(self, database: Database):
        self._database = database
        self._next: dict[tuple[int, float], float] = {}
        """The age at which one is told of again, by its session and its beginning."""

    def look(self) -> bool:
        """Warn where it is time to; False: there is no more to be done. Raises StoreError."""
        old = {
            (each.pid, each.began_at): each
            for each in open_transactions(self._database)
            if each.too_old
        }
        due = {key: each for key, each in old.items() if each.seconds >= self._next.get(key, 0)}
        for each in due.values():
            _warn(each)
        told = {key: each.seconds * AGAIN for key, each in due.items()}
        self._next = {key: at for key, at in {**self._next, **told}.items() if key in old}
        return False


def _warn(transaction: OpenTransaction) -> None:
    log.warning(
        "a transaction is open for long, which makes claims slow: end its session",
        extra={
            "pid": transaction.pid,
            "session": transaction.name,  # "name" is that of the logger
            "idle": transaction.idle,
            "seconds": round(transaction.seconds, 1),
        },
    )
