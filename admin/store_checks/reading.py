"""Opens a database to look at it. Nothing of it is changed, not even by a migration."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import peewee as pw

from storage.db.database import APPLICATION_NAME, Database, open_engine
from storage.db.peewee_internals import DRIVER_ERRORS
from storage.db.sqlite import Sqlite
from storage.db.statements import SqlRow
from storage.db.timeouts import BUSY_SECONDS
from storage.records.job import StoreError, StoreUnusable
from storage.settings.folders import sqlite_file
from storage.settings.settings import Settings
from storage.settings.url import is_postgresql

NAME = f"{APPLICATION_NAME} doctor"
WALL_FACTOR = 3
_STEPS_PER_CALL = 10_000
_ENDED = ("interrupted", "canceling statement due to statement timeout")


class TookTooLong(Exception):
    """A query was ended because its time was over."""


class ReadOnlySqlite(Sqlite):
    """A SQLite file that this connection cannot change."""

    def __init__(self, file: Path):
        address = f"file:{quote(str(file))}?mode=ro"
        super().__init__(address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)
        self.file = file


def open_for_reading(settings: Settings) -> Database:
    """Return the database of the settings, for reading. It connects on first use.

    Raises StoreUnusable if there is no such file.
    """
    if is_postgresql(settings.store_url):
        return Database(open_engine(settings.listen_url or settings.store_url, NAME))
    if not (file := sqlite_file(settings)).exists():
        raise StoreUnusable(f"there is no file {file}")
    return Database(ReadOnlySqlite(file))


class Reader:
    """Runs queries that may be slow, over connections of their own and for a limited time."""

    def __init__(self, database: Database, seconds: float | None):
        """`seconds` is the time of all queries together; None for any time.

        In a SQLite file, it is time of the processor, so that a busy machine gets as far as an idle
        one, but the clock may show at most WALL_FACTOR times as much.
        """
        self._database = database
        self._clocks = [time.monotonic] if database.postgresql else [time.thread_time]
        self._ends = [] if seconds is None else [clock() + seconds for clock in self._clocks]
        if seconds is not None and not database.postgresql:
            self._clocks.append(time.monotonic)
            self._ends.append(time.monotonic() + WALL_FACTOR * seconds)

    def rows(self, sql: str) -> Sequence[SqlRow]:
        """Return the rows of a query, of one moment. Raises TookTooLong and StoreError."""
        if self._is_over():
            raise TookTooLong
        try:
            with self._database.translate_errors(), DRIVER_ERRORS, self._connection() as connection:
                self._limit(connection)
                return list(connection.execute(sql).fetchall())
        except Exception as error:
            if any(each in str(error) for each in _ENDED):
                raise TookTooLong from error
            raise StoreError(" ".join(str(error).split())) from error

    def _is_over(self) -> bool:
        return any(clock() >= end for clock, end in zip(self._clocks, self._ends, strict=False))

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        connection = self._database.raw_connection()
        try:
            yield connection
        finally:
            with contextlib.suppress(pw.PeeweeException):
                connection.close()

    def _limit(self, connection: Any) -> None:
        if self._database.postgresql:
            connection.execute("BEGIN READ ONLY")  # with SET LOCAL, so that a pooler keeps nothing
            left = max(1, round(1000 * (self._ends[0] - time.monotonic()))) if self._ends else 0
            connection.execute(f"SET LOCAL statement_timeout = {left}")
        elif self._ends:
            connection.set_progress_handler(self._is_over, _STEPS_PER_CALL)
