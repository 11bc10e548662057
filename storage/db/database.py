"""Runs queries and transactions.

Correctness does not depend on the differences between SQLite and PostgreSQL: every change is one
guarded UPDATE, which is the same on both. `Database.engine`, a `Sqlite` or a
`Postgresql`, has all that differs.

Each thread has its own connection, which is opened on first use and dropped after an error.
"""

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.counters import PendingCounts, add_statement
from storage.db.engine import Engine
from storage.db.peewee_internals import DRIVER_ERRORS
from storage.db.sqlite import SharedSqlite
from storage.db.statements import Arguments, Row, Rows, Statement, Values
from storage.db.versions import PendingVersion, ReservedVersions, advance_statement
from storage.records.job import StoreFull, StoreInDoubt, StoreUnavailable, StoreUnusable
from storage.settings.url import is_postgresql, sqlite_path, url_problem

log = logging.getLogger(__name__)

APPLICATION_NAME = "job-service"
"""Prefix of the names that a database server shows for our connections."""
Queries = Sequence[tuple[Statement, Values]]
"""Statements, each with the values of its parameters."""


def open_engine(url: str, name: str = APPLICATION_NAME, exclusive: bool = False) -> Engine:
    """Return the engine for a database URL. It connects on first use.

    `name` is shown by PostgreSQL for its connections. With `exclusive`, no other program may use
    the database; for a SQLite file, no other connection can exist.

    Raises StoreUnusable if the URL is invalid.
    """
    if problem := url_problem(url):
        raise StoreUnusable(problem)
    if is_postgresql(url):
        from storage.db.postgresql import Postgresql  # not at the top: it imports psycopg

        return Postgresql(url, name, exclusive)
    return SharedSqlite(str(sqlite_path(url)), exclusive)


class Database:
    """A database: runs queries, and translates the engine's errors into StoreError.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the engine fails.
    """

    def __init__(self, engine: Engine):
        self.engine = engine
        self.counters = PendingCounts()
        """Counts of the current transaction, which stores them when it ends."""
        self._statements: dict[Hashable, Statement] = {}
        self._reserved = ReservedVersions()

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, for the few callers that must know."""
        return self.engine.file is None

    @property
    def file(self) -> Path | None:
        """The database file; None if the database is on a server."""
        return self.engine.file

    # Transactions

    @contextmanager
    def transaction(self, at_end: Callable[[], None] | None = None) -> Iterator[None]:
        """Run a block of code in a write transaction. A nested transaction joins the outer one.

        `at_end` is called as the last step before the commit; it must not wait for results.

        Raises StoreInDoubt if the commit failed and it is unknown whether it took effect.
        """
        if self.engine.in_transaction():
            yield
            if at_end:
                at_end()
            return
        committing = False
        self.counters.take()  # drops the counts of a failed transaction
        self._reserved.unused = -1
        try:
            with self.translate_errors(), self.engine.atomic():
                yield
                if counts := self.counters.take():
                    add = self.statement("add to counters", add_statement)
                    self.change_each_deferred(add, counts)
                if at_end:
                    at_end()
                committing = True
        except (StoreUnavailable, StoreFull) as error:
            if self.engine.is_connection_lost():
                self._drop_connection()
            if not committing or self.engine.is_rolled_back(error):
                raise
            raise StoreInDoubt(str(error)) from error

    def optimistic(self) -> AbstractContextManager[None]:
        """Make the transactions in a block optimistic, see `storage/db/pipeline.py`.

        Raises OptimisticConflict if a row was not in the expected state. No effect on SQLite.
        """
        return self.engine.optimistic()

    # Versions: see storage/db/versions.py

    def next_version(self, count: int = 1) -> int:
        """Allocate the next `count` versions, and return the last one.

        Only inside a transaction. Waits for the version lock, which orders the commits.
        """
        offset = self.next_version_offset(count)
        return self.pending_newest_version()() - offset

    def next_version_offset(self, count: int) -> int:
        """Allocate the next `count` versions, and return the offset of the last from the newest.

        Needs no round trip. All statements that follow run after the version lock is taken.
        """
        if count > self._reserved.unused:
            self.reserve_versions(count)
        self._reserved.unused -= count
        return self._reserved.unused

    def reserve_versions(self, count: int) -> None:
        """Reserve versions for the coming changes of this transaction. Takes the version lock."""
        first = self._reserved.unused < 0
        advance = self.statement(("next version", first), lambda: advance_statement(first))
        with self.translate_errors():
            newest = self.engine.defer(advance.sql, advance.arguments({"count": count}))
        self._reserved.newest, self._reserved.unused = newest, count

    def pending_newest_version(self) -> PendingVersion:
        """Return a function that returns the newest version of this transaction.

        It can be called after the transaction; within it, it may have to wait for the result.
        """
        result = self._reserved.newest

        def newest() -> int:
            with self.translate_errors(), DRIVER_ERRORS:
                return int(result.value())

        return newest

    # Queries

    def run(self, query: pw.BaseQuery) -> None:
        """Run a changing query in a transaction."""
        with self.transaction(), self.translate_errors():
            query.bind(self.engine.peewee).execute()

    def changed(self, query: pw.BaseQuery) -> int:
        """Run an UPDATE or a DELETE in a transaction, and return the number of changed rows."""
        with self.transaction(), self.translate_errors():
            return int(query.bind(self.engine.peewee).execute())

    def rows(self, query: pw.BaseQuery) -> list[Row]:
        """Return the rows of a query."""
        with self.translate_errors():
            return list(query.bind(self.engine.peewee).dicts().execute())

    def execute(self, sql: str, parameters: Arguments = ()) -> Any:
        """Run SQL that is not a query on a table, and return the cursor."""
        with self.translate_errors():
            return self.engine.execute_sql(sql, parameters)

    # Statements, which are compiled once

    def statement(self, key: Hashable, make: Callable[[], pw.BaseQuery]) -> Statement:
        """Return the statement with this key. `make` builds its query on first use."""
        if key not in self._statements:
            self._statements[key] = Statement(self.engine.peewee, make())
        return self._statements[key]

    def change(self, statement: Statement, values: Values) -> int:
        """Run a changing statement in a transaction, and return the number of changed rows."""
        with self.transaction(), self.translate_errors():
            cursor = self.engine.execute_sql(statement.sql, statement.arguments(values))
            return int(cursor.rowcount)

    def change_each_guarded(self, statement: Statement, rows: Rows) -> list[bool]:
        """Run an UPDATE for each row of values in a transaction.

        Returns one bool per row: whether it has changed something. In optimistic mode all are True,
        since a conflict aborts the transaction.
        """
        with self.transaction(), self.translate_errors():
            return self.engine.change_each_guarded(statement, rows)

    def change_each_deferred(self, statement: Statement, rows: Rows) -> None:
        """Defer a changing statement for each row of values. Only inside a transaction.

        It is sent together with the next statement or the commit and costs no round trip of its
        own. So its error may be raised by that statement or the commit.
        """
        with self.translate_errors():
            self.engine.defer_each(statement, rows)

    def fetch(self, statement: Statement, values: Values) -> list[Row]:
        """Return the rows of a statement."""
        return self.fetch_each([(statement, values)])[0]

    def fetch_each(self, queries: Queries) -> list[list[Row]]:
        """Return the rows of each of several statements, in one round trip."""
        with self.translate_errors(), DRIVER_ERRORS:
            bound = [(statement.sql, statement.arguments(values)) for statement, values in queries]
            cursors = self.engine.execute_each(bound)
            return [
                statement.to_dicts([column[0] for column in cursor.description], cursor.fetchall())
                for (statement, _), cursor in zip(queries, cursors, strict=True)
            ]

    # Connections

    def raw_connection(self) -> Any:
        """Return a new connection of the driver in autocommit mode. The caller closes it."""
        return self.engine.raw_connection()

    def close(self) -> None:
        """Close the connections of all threads. None of them may be in use."""
        self.engine.close_all()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Translate the engine's errors in a block of code into StoreError."""
        try:
            yield
        except (pw.DatabaseError, pw.InterfaceError) as error:
            translated = self.engine.store_error(error)
            if translated is None:
                raise  # an error in a query, not a state of the store
            self._drop_connection()
            raise translated from error

    def _drop_connection(self) -> None:
        if self.engine.in_transaction():
            return  # the outermost transaction drops it after its rollback
        try:
            self.engine.close()
        except pw.PeeweeException:
            log.debug("closing a failed connection failed", exc_info=True)
