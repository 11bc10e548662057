"""Builds the Peewee engine for a database URL."""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import peewee as pw

from storage.db import timeouts
from storage.db.pipeline import BoundStatement, PendingResult, Pipeline
from storage.db.sqlite_file.damage import DamageNote
from storage.db.sqlite_file.lock_note import CHECKPOINT, COMMIT, ROLLBACK, WORK
from storage.db.sqlite_file.write_lock import WriteLock
from storage.records.job import StoreUnusable
from storage.settings.url import is_postgresql, url_problem

log = logging.getLogger(__name__)

APPLICATION_NAME = "job-service"
"""Prefix of the names that a database server shows for our connections."""
# Changes find their rows by an index. The planner relies on the last statistics of tables and
# indexes: if a table was small then, it would now read or sort all of a million rows to find a few.
# A disabled plan type has a very high cost, and high costs would trigger JIT compilation each time,
# so JIT is off as well.
_DISABLED = ("enable_sort", "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
_PLANNER_SETTINGS = dict.fromkeys(_DISABLED, "off")
WITH_NOOP = (3, 51, 0)
"""The release of SQLite from which `wal_checkpoint(NOOP)` tells the length of the WAL."""
CHECKPOINT_PAGES = 1000
"""A longer WAL is copied into the file, as SQLite does by default."""
MAX_WAL_PAGES = 4 * CHECKPOINT_PAGES
"""A WAL starts anew only when a copy is complete before the next change. If changes follow one
another so fast that it has become longer than this, they wait for the copy."""
# WAL-reset bug, https://sqlite.org/wal.html#walresetbug: fixed in these and all later releases.
WAL_RESET_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


class ConnectionRegistry:
    """Mixin for an engine that remembers its open connections, to close those of all threads."""

    def __init__(self, *args: Any, **kwargs: Any):
        self.opened: list[Any] = []
        super().__init__(*args, **kwargs)

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        self.opened.append(connection)
        return connection

    def _close(self, connection: Any) -> None:
        super()._close(connection)  # type: ignore[misc]
        if connection in self.opened:
            self.opened.remove(connection)

    def close_all(self) -> None:
        """Close the connections of all threads. None of them may be in use."""
        self.close()  # type: ignore[attr-defined]
        for connection in self.opened:
            connection.close()
        self.opened.clear()


class _PlainSqlite(ConnectionRegistry, pw.SqliteDatabase):
    """A SQLite engine without the write lock, for a file that only this program knows."""

    def defer(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement without a result at once, since SQLite has no round trips to save."""
        self.execute_sql(sql, parameters)  # type: ignore[no-untyped-call]

    def defer_query(self, sql: str, parameters: Sequence[Any]) -> PendingResult:
        """Run a statement at once, and keep its result for later."""
        result = PendingResult(self, (sql, parameters))
        result.rows = self.execute_sql(sql, parameters).fetchall()  # type: ignore[no-untyped-call]
        return result

    def execute_each(self, statements: Sequence[BoundStatement]) -> list[Any]:
        """Run several statements, and return their cursors."""
        return [self.execute_sql(*each) for each in statements]  # type: ignore[no-untyped-call]


class _Sqlite(_PlainSqlite):
    """A shared SQLite file: one program writes at a time. Refuses a file that was replaced."""

    def __init__(self, *args: Any, checkpoints: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._file: tuple[int, int] | None = None
        self._checkpoints = checkpoints
        """Whether this class copies the WAL into the file, and not SQLite within a commit."""
        self.damage = DamageNote(Path(self.database))
        self.write_lock = WriteLock(Path(f"{self.database}-writer"))

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction after acquiring the write lock.

        Raises StoreDamaged if this or another program has found damage.
        """
        self.damage.require_none()
        try:
            if not self.write_lock.acquire(timeouts.BUSY_SECONDS):
                seconds = f"{timeouts.BUSY_SECONDS:.0f} s"
                holder = self.write_lock.describe_holder()
                raise pw.OperationalError(f"others have been writing for {seconds}: {holder}")
        except OSError as error:
            raise pw.OperationalError(
                f"{self.database}-writer: {error.strerror or error}"
            ) from error
        try:
            self._require_same_file()
            super().begin(lock_type)
            self.write_lock.note.step(WORK)
        except BaseException:
            self.write_lock.release()
            raise

    def commit(self) -> None:
        """Commit, and release the write lock.

        If the commit fails, the rollback that follows releases the lock.
        """
        self.write_lock.note.step(COMMIT)
        super().commit()
        self.write_lock.release()
        if self._checkpoints:
            with contextlib.suppress(pw.DatabaseError):  # the commit has succeeded; tried again
                self._checkpoint_if_long()

    def rollback(self) -> None:
        """Roll back, unless SQLite has already done so.

        A failing rollback would hide the first error.
        """
        self.write_lock.note.step(ROLLBACK)
        try:
            if not self.is_closed() and self.connection().in_transaction:  # type: ignore[no-untyped-call]
                super().rollback()
        finally:
            self.write_lock.release()

    def _checkpoint_if_long(self) -> None:
        """Copy a long WAL into the file while others write; only a very long one keeps them off."""
        pages, copied = self._checkpoint("NOOP")
        if pages < CHECKPOINT_PAGES or pages == copied:
            return
        if pages < MAX_WAL_PAGES:
            self._checkpoint("PASSIVE")
        elif self.write_lock.acquire(timeouts.BUSY_SECONDS):
            try:
                self.write_lock.note.step(CHECKPOINT)
                self._checkpoint("PASSIVE")
            finally:
                self.write_lock.release()

    def _checkpoint(self, mode: str) -> tuple[int, int]:
        """Return how many pages the WAL has, and how many of them are in the file now."""
        _, pages, copied = self.execute_sql(f"PRAGMA wal_checkpoint({mode})").fetchone()  # type: ignore[no-untyped-call]
        return pages, copied

    def close_all(self) -> None:
        """Close all connections and the file of the write lock."""
        super().close_all()
        self.write_lock.close()

    def _connect(self) -> Any:
        self._require_same_file()
        connection = super()._connect()
        self._file = self._file or _identity(self.database)
        return connection

    def _require_same_file(self) -> None:
        """Raise DatabaseError if the file was deleted or replaced.

        Writes to the old file would be lost when the last program closes it.
        """
        if self._file is not None and self._file != _identity(self.database):
            raise pw.DatabaseError("the file was deleted or replaced; put it back and restart")


class _Postgresql(Pipeline, ConnectionRegistry, pw.PostgresqlDatabase):
    """A PostgreSQL engine whose waits are bounded, see `storage/db/timeouts.py`."""

    def __init__(self, *args: Any, begin: Sequence[str], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._begin = begin

    def begin(self, isolation_level: Any = None) -> None:
        """Begin a transaction. Connects first, since connecting resets the transaction state."""
        self.connection()  # type: ignore[no-untyped-call]
        self.defer_begin(self._begin)

    def rollback(self) -> None:
        """Roll back, unless the connection is lost.

        A failing rollback would hide the first error.
        """
        self.discard_deferred()
        if not self.is_closed() and not self.connection().closed:  # type: ignore[no-untyped-call]
            super().rollback()

    def _connect(self) -> Any:
        from psycopg import ProgrammingError  # not at the top, see `open_engine`

        try:
            connection = super()._connect()
        except ProgrammingError as error:  # raised before any server is contacted
            raise pw.DatabaseError(f"its address is wrong: {str(error).strip()}") from error
        try:
            connection.execute(timeouts.SESSION_SETTINGS)
        except Exception:
            self._close(connection)
            raise
        return connection


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of a file, or None if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_engine(url: str, name: str = APPLICATION_NAME, exclusive: bool = False) -> Any:
    """Return the engine for a database URL. It connects on first use.

    `name` is shown by PostgreSQL for its connections. With `exclusive`, no other program may use
    the database; for a SQLite file, no other connection can exist.

    Raises StoreUnusable if the URL is invalid.
    """
    if problem := url_problem(url):
        raise StoreUnusable(problem)
    options: dict[str, Any]
    if is_postgresql(url):
        from playhouse import db_url  # not at the top: it imports much that SQLite does not need

        parsed = db_url.parse(url, unquote_password=True, unquote_user=True)
        options = {**timeouts.CONNECTION_OPTIONS, "application_name": name, **parsed}
        session = timeouts.EXCLUSIVE_TRANSACTION if exclusive else timeouts.TRANSACTION
        begin = timeouts.begin({**session, **_PLANNER_SETTINGS})
        return _Postgresql(**options, begin=begin, prefer_psycopg3=True)
    # synchronous=FULL: acknowledged changes survive a power cut. IMMEDIATE: a transaction that
    # starts as a reader and writes later would get "database is locked" at once, whatever the
    # timeout.
    pragmas = {"journal_mode": _journal_mode(), "synchronous": "full", "foreign_keys": 1}
    checkpoints = pw.sqlite3.sqlite_version_info >= WITH_NOOP  # type: ignore[attr-defined]
    if checkpoints:
        pragmas["wal_autocheckpoint"] = 0
    if exclusive:  # must come first: a WAL is locked as a whole only if opened so
        pragmas = {"locking_mode": "exclusive", **pragmas}
    options = {"lock_type": "IMMEDIATE", "check_same_thread": False}
    options |= {"timeout": timeouts.BUSY_SECONDS, "pragmas": pragmas}
    return _Sqlite(urlparse(url).path.removeprefix("/"), checkpoints=checkpoints, **options)


def _journal_mode() -> str:
    """Return WAL, or the slower rollback journal if this SQLite has the WAL-reset bug."""
    version = pw.sqlite3.sqlite_version_info  # type: ignore[attr-defined]  # Peewee's choice
    if has_wal_reset_fix(version):
        return "wal"
    log.warning("SQLite has the WAL-reset bug, WAL is not used", extra={"version": version})
    return "delete"


def has_wal_reset_fix(version: tuple[int, int, int]) -> bool:
    """Return whether a SQLite release is free of the WAL-reset bug."""
    same_branch = [fixed for fixed in WAL_RESET_FIXED if fixed[:2] == version[:2]]
    return version >= (same_branch[0] if same_branch else WAL_RESET_FIXED[-1])


def new_file_engine(file: Path) -> Any:
    """Return an engine that writes a new SQLite file without side files and without syncing."""
    return _PlainSqlite(str(file), pragmas={"journal_mode": "memory", "synchronous": "off"})
