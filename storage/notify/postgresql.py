"""Wake-ups by LISTEN and NOTIFY; storage/notify/wakeup.py explains wake-ups.

The triggers that write events notify the topic `events` themselves. LISTEN needs a session of its
own, which a pooler in transaction mode does not provide, so waiters can use another address than
everything else (LISTEN_URL).
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import psycopg

from storage.db.database import Database
from storage.notify.wakeup import EVENTS
from storage.records.job import StoreError


class PostgresWakeup:
    """Sends wake-ups by NOTIFY. `listening` is the database that waiters connect to."""

    def __init__(self, database: Database, listening: Database):
        self._database = database
        self._listening = listening

    def notify(self, topic: str) -> None:
        """Wake all waiters of a topic, on all hosts."""
        with contextlib.suppress(StoreError), self._database.transaction():
            self.notify_in_transaction([topic])

    def notify_in_transaction(self, topics: Sequence[str]) -> None:
        """Queue NOTIFY for these topics in the current transaction. Raises StoreError."""
        for topic in dict.fromkeys(topics):
            if topic != EVENTS:
                self._database.engine.defer("SELECT pg_notify(%s, '')", (_channel(topic),))

    def notify_after_commit(self, topics: Sequence[str]) -> None:
        """Do nothing: the commit has sent the notifications."""

    def waiter(self, topic: str) -> "PostgresWaiter":
        """Return a new waiter, with a connection of its own."""
        return PostgresWaiter(self._listening, topic)

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


class PostgresWaiter:
    """A connection that listens to a topic. If it is lost, the next `clear` reconnects."""

    def __init__(self, database: Database, topic: str):
        self._database = database
        self._topic = topic
        self._connection: Any = None
        self.clear()

    def fileno(self) -> int:
        """The connection's socket; -1 while it is lost."""
        return int(self._connection.fileno()) if self._connection else -1

    def clear(self) -> None:
        """Consume all notifications that have arrived."""
        try:
            if self._connection is None:
                self._connection = self._database.raw_connection()
                self._connection.execute(f"LISTEN {_channel(self._topic)}")
            for _ in self._connection.notifies(timeout=0):
                pass
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _channel(topic: str) -> str:
    return f"job_service_{topic}"
