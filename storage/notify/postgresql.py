"""Wake-ups between the programs by LISTEN and NOTIFY, see `storage/notify/wakeup.py`.

Of events, the triggers that write them notify. Who listens needs a session of its own, which a
pooler in transaction mode does not give: that can be another address than everything else's.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from storage.db.database import Database
from storage.notify.wakeup import EVENTS
from storage.records.job import StoreError


class PostgresWakeup:
    """Wake-ups by NOTIFY."""

    def __init__(self, database: Database, listening: Database):
        self._database = database
        self._listening = listening

    def notify(self, topic: str) -> None:
        """Wake all waiters of a topic, on whichever host."""
        with contextlib.suppress(StoreError), self._database.transaction():
            self.with_commit([topic])

    def with_commit(self, topics: Sequence[str]) -> None:
        """Wake all waiters of these topics with the commit. Raises StoreError."""
        for topic in dict.fromkeys(topics):
            if topic != EVENTS:
                self._database.defer("SELECT pg_notify(%s, '')", (_channel(topic),))

    def after_commit(self, topics: Sequence[str]) -> None:
        """Nothing: they are woken."""

    def waiter(self, topic: str) -> "PostgresWaiter":
        """A new waiter, with a connection of its own."""
        return PostgresWaiter(self._listening, topic)

    def close(self) -> None:
        """Nothing to free."""


class PostgresWaiter:
    """A connection that listens; after a drop it listens again at the next drain."""

    def __init__(self, database: Database, topic: str):
        import psycopg  # not above: see storage/settings/drivers.py

        self._database = database
        self._topic = topic
        self._driver = psycopg
        self._connection: Any = None
        self.drain()

    def fileno(self) -> int:
        """The connection's socket."""
        return int(self._connection.fileno()) if self._connection else -1

    def drain(self) -> None:
        """Take all notices that have come."""
        try:
            if self._connection is None:
                self._connection = self._database.raw_connection()
                self._connection.execute(f"LISTEN {_channel(self._topic)}")
            for _ in self._connection.notifies(timeout=0):
                pass
        except self._driver.Error:
            self.close()

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _channel(topic: str) -> str:
    return f"job_service_{topic}"
