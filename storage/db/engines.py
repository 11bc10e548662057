"""Makes the Peewee engine behind a database URL."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import peewee as pw

from storage.db import timeouts as waits
from storage.db.pipeline import PendingResult, Pipeline, Text
from storage.db.remembered import ConnectionRegistry
from storage.db.write_lock import WriteLock
from storage.records.job import StoreUnusable
from storage.settings.url import is_postgresql, url_problem

log = logging.getLogger(__name__)

OUR_NAME = "job-service"
"""What the names of our connections begin with, where a server shows them."""
# Who changes rows finds them by an index. The planner goes by what tables and indexes held when it
# last looked: if that was little, it would read all of a million rows, or sort them, for a few.
# What is off costs very much in its eyes, and what costs much it would compile each time.
_OFF = ("enable_sort", "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
_BY_INDEX = dict.fromkeys(_OFF, "off")
# WAL-reset bug, https://sqlite.org/wal.html#walresetbug: mended in these and in all later ones.
MENDED_SQLITE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


class _LoneSqlite(ConnectionRegistry, pw.SqliteDatabase):
    """A file that nobody else knows."""

    def later(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement, whose answer nobody wants: at once, since that costs no wait."""
        self.execute_sql(sql, parameters)  # type: ignore[no-untyped-call]

    def ask_later(self, sql: str, parameters: Sequence[Any]) -> PendingResult:
        """Run a statement, whose answer nobody wants yet, in the same way."""
        answer = PendingResult(self, (sql, parameters))
        answer.rows = self.execute_sql(sql, parameters).fetchall()  # type: ignore[no-untyped-call]
        return answer

    def execute_each(self, texts: Sequence[Text]) -> list[Any]:
        """Run several statements."""
        return [self.execute_sql(*each) for each in texts]  # type: ignore[no-untyped-call]


class _Sqlite(_LoneSqlite):
    """Lets writers take turns, and holds on to the file that it has opened first."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._file: tuple[int, int] | None = None
        self.write_lock = WriteLock(Path(f"{self.database}-writer"))

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction, once it is this writer's turn."""
        try:
            if not self.write_lock.take(waits.BUSY_SECONDS):
                seconds = f"{waits.BUSY_SECONDS:.0f} s"
                raise pw.OperationalError(f"others have been writing for {seconds}")
        except OSError as error:
            raise pw.OperationalError(
                f"{self.database}-writer: {error.strerror or error}"
            ) from error
        try:
            self._require_same_file()
            super().begin(lock_type)
        except BaseException:
            self.write_lock.give_back()
            raise

    def commit(self) -> None:
        """Commit; the turn ends with that, or with the rollback that follows a failure."""
        super().commit()
        self.write_lock.give_back()

    def rollback(self) -> None:
        """Roll back, unless SQLite has done so by itself: to fail then would hide why."""
        try:
            if not self.is_closed() and self.connection().in_transaction:  # type: ignore[no-untyped-call]
                super().rollback()
        finally:
            self.write_lock.give_back()

    def close_all(self) -> None:
        """Free the file of the turns as well."""
        super().close_all()
        self.write_lock.close()

    def _connect(self) -> Any:
        self._require_same_file()
        connection = super()._connect()
        self._file = self._file or _identity(self.database)
        return connection

    def _require_same_file(self) -> None:
        """Raise DatabaseError if the file was deleted or replaced: what is written to the old one
        is lost with the last program that has it open."""
        if self._file is not None and self._file != _identity(self.database):
            raise pw.DatabaseError("the file was deleted or replaced; put it back and restart")


class _Postgresql(Pipeline, ConnectionRegistry, pw.PostgresqlDatabase):
    """Waits no longer than a while: see `storage/db/timeouts.py`."""

    def __init__(self, *args: Any, begin: Sequence[str], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._begin = begin

    def begin(self, isolation_level: Any = None) -> None:
        """Begin a transaction, on a connection that is there: to make one forgets transactions."""
        self.connection()  # type: ignore[no-untyped-call]
        self.begin_later(self._begin)

    def rollback(self) -> None:
        """Roll back, unless the connection is lost: to fail then would hide why."""
        self.forget_unsent()
        if not self.is_closed() and not self.connection().closed:  # type: ignore[no-untyped-call]
            super().rollback()

    def _connect(self) -> Any:
        from psycopg import ProgrammingError  # not above, see `open_engine`

        try:
            connection = super()._connect()
        except ProgrammingError as error:  # it is told before anybody is asked
            raise pw.DatabaseError(f"its address is wrong: {str(error).strip()}") from error
        try:
            connection.execute(waits.SESSION)
        except Exception:
            self._close(connection)
            raise
        return connection


def _identity(path: str) -> tuple[int, int] | None:
    """Device and number of a file, None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def open_engine(url: str, name: str = OUR_NAME, alone: bool = False) -> Any:
    """The engine of a database URL; it connects only when it is first used.

    `name` is what PostgreSQL shows of its connections. A database that is to be had `alone` is used
    by nobody else: of a SQLite file, nobody else may have a connection, or get one.
    Raises StoreUnusable for an address that is wrong.
    """
    if wrong := url_problem(url):
        raise StoreUnusable(wrong)
    options: dict[str, Any]
    if is_postgresql(url):
        from playhouse import db_url  # not above: it loads much that SQLite does without

        parsed = db_url.parse(url, unquote_password=True, unquote_user=True)
        options = {**waits.CONNECTION, "application_name": name, **parsed}
        begin = waits.begin({**(waits.ALONE if alone else waits.OTHERS), **_BY_INDEX})
        return _Postgresql(**options, begin=begin, prefer_psycopg3=True)
    # synchronous=FULL: what was acknowledged survives a power cut. IMMEDIATE: a transaction that
    # turns to writing later would get "database is locked" at once, whatever the timeout.
    pragmas = {"journal_mode": _journal_mode(), "synchronous": "full", "foreign_keys": 1}
    if alone:  # first: a WAL is locked as a whole only by who opens it that way
        pragmas = {"locking_mode": "exclusive", **pragmas}
    options = {"lock_type": "IMMEDIATE", "check_same_thread": False}
    options |= {"timeout": waits.BUSY_SECONDS, "pragmas": pragmas}
    return _Sqlite(urlparse(url).path.removeprefix("/"), **options)


def _journal_mode() -> str:
    """WAL where it is safe; slower, but as safe, with a SQLite whose WAL can do damage."""
    version = pw.sqlite3.sqlite_version_info  # type: ignore[attr-defined]  # chosen by Peewee
    if is_mended(version):
        return "wal"
    log.warning("SQLite has the WAL-reset bug, WAL is not used", extra={"version": version})
    return "delete"


def is_mended(version: tuple[int, int, int]) -> bool:
    """Whether a release of SQLite is without the WAL-reset bug."""
    same_line = [mended for mended in MENDED_SQLITE if mended[:2] == version[:2]]
    return version >= (same_line[0] if same_line else MENDED_SQLITE[-1])


def making_engine(file: Path) -> Any:
    """An engine that writes a new SQLite file, and nothing beside it; it syncs nothing."""
    return _LoneSqlite(str(file), pragmas={"journal_mode": "memory", "synchronous": "off"})
