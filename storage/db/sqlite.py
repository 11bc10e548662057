"""SQLite: the engine of Peewee with its write lock and transactions, and its dialect."""

import contextlib
import logging
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.engine import Q
from storage.db.errors import store_error_from
from storage.db.peewee_internals import DRIVER_ERRORS, SQLITE_VERSION
from storage.db.sqlite_file.damage import DamageNote, damaged, is_damage
from storage.db.sqlite_file.lock_holder import CHECKPOINT, COMMIT, ROLLBACK, WORK
from storage.db.sqlite_file.write_lock import WriteLock
from storage.db.statements import Arguments, BoundStatement, Rows, Statement
from storage.db.timeouts import BUSY_SECONDS
from storage.records.job import StoreError, StoreFull

log = logging.getLogger(__name__)

WITH_NOOP = (3, 51, 0)
"""The release of SQLite from which `wal_checkpoint(NOOP)` tells the length of the WAL."""
CHECKPOINT_PAGES = 1000
"""A longer WAL is copied into the file, as SQLite does by default."""
MAX_WAL_PAGES = 4 * CHECKPOINT_PAGES
"""A WAL starts anew only when a copy is complete before the next change. If changes follow one
another so fast that it has become longer than this, they wait for the copy."""
# WAL-reset bug, https://sqlite.org/wal.html#walresetbug: fixed in these and all later releases.
WAL_RESET_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


class Result:
    """The result of a statement that has run, in the form of the pending ones of PostgreSQL."""

    def __init__(self, cursor: Any):
        self._rows = cursor.fetchall()

    def value(self) -> Any:
        """Return the single value of the result."""
        return self._rows[0][0]


class Sqlite(pw.SqliteDatabase):
    """A file that only this program knows, written without side files and without syncing."""

    is_optimistic = False

    def __init__(self, file: str, **options: Any):
        self.file = Path(file)
        self._opened: list[Any] = []
        """The connections of all threads."""
        options = options or {"pragmas": {"journal_mode": "memory", "synchronous": "off"}}
        super().__init__(file, **options)

    @property
    def peewee(self) -> pw.Database:
        """This object, as Peewee takes it."""
        return self

    # Connections

    def raw_connection(self) -> Any:
        """Return a new connection of the driver in autocommit mode. The caller closes it."""
        return super()._connect()  # type: ignore[misc]

    def _connect(self) -> Any:
        connection = self.raw_connection()
        self._opened.append(connection)
        return connection

    def close(self) -> bool:
        """Close the connection of this thread; return whether it had one."""
        connection = None if self.is_closed() else self.connection()
        closed = bool(super().close())
        if closed:
            self._opened.remove(connection)
        return closed

    def close_all(self) -> None:
        """Close the connections of all threads. None of them may be in use."""
        self.close()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def is_connection_lost(self) -> bool:
        """Return False: there is no server."""
        return False

    def rollback(self) -> None:
        """Roll back, unless SQLite has already done so, as it does when the disk is full.

        A failing rollback would hide the first error.
        """
        if not self.is_closed() and self.connection().in_transaction:
            super().rollback()

    # Statements: there are no round trips to save, so all of them run at once.

    def execute_each(self, statements: Sequence[BoundStatement]) -> list[Any]:
        """Run several statements, and return their cursors."""
        return [self.execute_sql(*each) for each in statements]

    def defer(self, sql: str, parameters: Arguments) -> Result:
        """Run a statement, and return its result."""
        return Result(self.execute_sql(sql, parameters))

    def defer_each(self, statement: Statement, rows: Rows) -> None:
        """Run a changing statement for each row."""
        with DRIVER_ERRORS:
            self.cursor().executemany(statement.sql, map(statement.arguments, rows))

    def change_each_guarded(self, statement: Statement, rows: Rows) -> list[bool]:
        """Run an UPDATE for each row; return where it has changed something.

        One cursor of the driver runs all, since Peewee's own path to a statement takes longer than
        SQLite needs for a short one.
        """
        cursor = self.cursor()
        with DRIVER_ERRORS:
            return [
                bool(cursor.execute(statement.sql, statement.arguments(row)).rowcount)
                for row in rows
            ]

    def optimistic(self) -> AbstractContextManager[None]:
        """Change nothing: a transaction keeps other writers out from its beginning."""
        return nullcontext()

    # Errors

    def store_error(self, error: pw.PeeweeException) -> StoreError | None:
        """Return the state of the store that an error shows; None for an error in a query."""
        return store_error_from(error, self.database, lost=False)

    def is_rolled_back(self, error: StoreError) -> bool:
        """Return whether a failed commit certainly had no effect.

        SQLite writes the commit record last. Without a WAL, it rolls back if readers block the
        commit.
        """
        return isinstance(error, StoreFull) or "locked" in str(error)

    # Dialect

    def skip_locked(self, query: Q) -> Q:
        """Return the query: a transaction locks the whole file."""
        return query

    lock = share = skip_locked

    def by_index(self, query: Q, model: "type[pw.Model] | pw.ModelAlias[Any]", index: str) -> Q:
        """Make a query read a table by this index.

        SQLite keeps no statistics here, and would sort a whole queue to find its first job.
        """
        alias = model.alias if isinstance(model, pw.ModelAlias) else "t1"
        return query.from_(pw.SQL(f'"{model._meta.table_name}" AS "{alias}" INDEXED BY "{index}"'))

    def contains(self, field: pw.ColumnBase, text: object) -> pw.Expression:
        """Return the condition that a field contains a text in lower case."""
        return pw.fn.INSTR(pw.fn.LOWER(field), text) > 0


class SharedSqlite(Sqlite):
    """A file of several programs: one writes at a time. Refuses a file that was replaced."""

    def __init__(self, file: str, exclusive: bool):
        """With `exclusive`, no other connection can exist."""
        self._identity: tuple[int, int] | None = None
        self._checkpoints = SQLITE_VERSION >= WITH_NOOP
        """Whether this class copies the WAL into the file, and not SQLite within a commit."""
        self.damage = DamageNote(Path(file))
        self.reports_damage = False
        """Whether an error that reveals damage ends the changes of all programs."""
        self.write_lock = WriteLock(Path(f"{file}-writer"))
        # synchronous=FULL: acknowledged changes survive a power cut. IMMEDIATE: a transaction that
        # starts as a reader and writes later would get "database is locked" at once, whatever the
        # timeout.
        pragmas = {"journal_mode": _journal_mode(), "synchronous": "full", "foreign_keys": 1}
        if self._checkpoints:
            pragmas["wal_autocheckpoint"] = 0
        if exclusive:  # must come first: a WAL is locked as a whole only if opened so
            pragmas = {"locking_mode": "exclusive", **pragmas}
        options = {"lock_type": "IMMEDIATE", "check_same_thread": False}
        super().__init__(file, **options, timeout=BUSY_SECONDS, pragmas=pragmas)

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction after acquiring the write lock.

        Raises StoreDamaged if this or another program has found damage.
        """
        self.damage.require_none()
        try:
            if not self.write_lock.acquire(BUSY_SECONDS):
                holder = self.write_lock.describe_holder()
                seconds = f"{BUSY_SECONDS:.0f} s"
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
        """Roll back, and release the write lock."""
        self.write_lock.note.step(ROLLBACK)
        try:
            super().rollback()
        finally:
            self.write_lock.release()

    def close_all(self) -> None:
        """Close all connections and the file of the write lock."""
        super().close_all()
        self.write_lock.close()

    def raw_connection(self) -> Any:
        """Return a new connection of the driver in autocommit mode. The caller closes it."""
        self._require_same_file()
        connection = super().raw_connection()
        self._identity = self._identity or _identity(self.database)
        return connection

    def store_error(self, error: pw.PeeweeException) -> StoreError | None:
        """Return the state of the store that an error shows; None for an error in a query."""
        if not is_damage(error):
            return super().store_error(error)
        if self.reports_damage:
            return self.damage.report(str(error))
        return damaged(self.database, str(error))

    def _checkpoint_if_long(self) -> None:
        """Copy a long WAL into the file while others write; only a very long one keeps them off."""
        pages, copied = self._checkpoint("NOOP")
        if pages < CHECKPOINT_PAGES or pages == copied:
            return
        if pages < MAX_WAL_PAGES:
            self._checkpoint("PASSIVE")
        elif self.write_lock.acquire(BUSY_SECONDS):
            try:
                self.write_lock.note.step(CHECKPOINT)
                self._checkpoint("PASSIVE")
            finally:
                self.write_lock.release()

    def _checkpoint(self, mode: str) -> tuple[int, int]:
        """Return how many pages the WAL has, and how many of them are in the file now."""
        _, pages, copied = self.execute_sql(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return pages, copied

    def _require_same_file(self) -> None:
        """Raise DatabaseError if the file was deleted or replaced.

        Writes to the old file would be lost when the last program closes it.
        """
        if self._identity is not None and self._identity != _identity(self.database):
            raise pw.DatabaseError("the file was deleted or replaced; put it back and restart")


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of a file, or None if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _journal_mode() -> str:
    """Return WAL, or the slower rollback journal if this SQLite has the WAL-reset bug."""
    if has_wal_reset_fix(SQLITE_VERSION):
        return "wal"
    log.warning("SQLite has the WAL-reset bug, WAL is not used", extra={"version": SQLITE_VERSION})
    return "delete"


def has_wal_reset_fix(version: tuple[int, int, int]) -> bool:
    """Return whether a SQLite release is free of the WAL-reset bug."""
    same_branch = [fixed for fixed in WAL_RESET_FIXED if fixed[:2] == version[:2]]
    return version >= (same_branch[0] if same_branch else WAL_RESET_FIXED[-1])
