"""Runs queries and transactions.

Correctness does not depend on the differences between SQLite and PostgreSQL: every change is one
guarded UPDATE, which is the same on both.

Each thread has its own connection, which is opened on first use and dropped after an error.
"""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee as pw

from storage.db.counters import PendingCounts, add_statement
from storage.db.dialect import Dialect
from storage.db.errors import PEEWEE_ERRORS, is_rolled_back, store_error_from
from storage.db.optimistic import OptimisticTransactions
from storage.db.sqlite_file.damage import DamageNote, damaged, is_damage
from storage.db.statements import Statement, batches
from storage.db.versions import VersionSequence
from storage.records.job import StoreDamaged, StoreFull, StoreInDoubt, StoreUnavailable

log = logging.getLogger(__name__)

Queries = Sequence[tuple[Statement, Mapping[str, Any]]]
"""Statements, each with the values of its parameters."""


class Database(VersionSequence, OptimisticTransactions, Dialect):
    """A database: runs queries, and translates the engine's errors into StoreError.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the engine fails.
    """

    def __init__(self, engine: Any):
        super().__init__(engine)
        self._statements: dict[Hashable, Statement] = {}
        self.reports_damage = False
        """Whether an error that reveals a damaged SQLite file ends the changes of all programs."""
        self.counters = PendingCounts()
        """Counts of the current transaction, which stores them when it ends."""

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
        self._reserved.reset()
        try:
            with self.translate_errors(), self.engine.atomic():
                yield
                self._before_commit(at_end)
                committing = True
        except (StoreUnavailable, StoreFull) as error:
            if self._is_connection_lost():
                self._drop_connection()
            if not committing or is_rolled_back(error, self.postgresql):
                raise
            raise StoreInDoubt(str(error)) from error

    @property
    def file(self) -> Path | None:
        """The database file; None if the database is on a server."""
        return None if self.postgresql else Path(self.engine.database)

    def run(self, query: Any) -> None:
        """Run a changing query in a transaction."""
        with self.transaction(), self.translate_errors():
            query.bind(self.engine).execute()

    def changed(self, query: Any) -> int:
        """Run an UPDATE or a DELETE in a transaction, and return the number of changed rows."""
        with self.transaction(), self.translate_errors():
            return int(query.bind(self.engine).execute())

    def rows(self, query: Any) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with self.translate_errors():
            return list(query.bind(self.engine).dicts().execute())

    def statement(self, key: Hashable, make: Callable[[], Any]) -> Statement:
        """Return the statement with this key. `make` builds its query on first use."""
        if key not in self._statements:
            self._statements[key] = Statement(self.engine, make())
        return self._statements[key]

    def change(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """Run a changing statement in a transaction, and return the number of changed rows."""
        with self.transaction(), self.translate_errors():
            cursor = self.engine.execute_sql(statement.sql, statement.arguments(values))
            return int(cursor.rowcount)

    def change_each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a changing statement for each row of values in a transaction.

        Returns the total number of changed rows.
        """
        with self.transaction(), self.translate_errors():
            if batch := statement.batch if len(rows) > 1 else None:
                return sum(
                    self.engine.execute_sql(*each).rowcount for each in batch.bind_each(rows)
                )
            cursor = self.engine.cursor()
            with PEEWEE_ERRORS:
                cursor.executemany(statement.sql, map(statement.arguments, rows))
            return int(cursor.rowcount)

    def change_each_deferred(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Defer a changing statement for each row of values, see `defer`.

        Only inside a transaction.
        """
        if not self.postgresql:
            self.change_each(statement, rows)
        else:
            self.defer_each(statement.bind_each(rows))

    def change_each_guarded(
        self, statement: Statement, rows: Sequence[Mapping[str, Any]]
    ) -> list[bool]:
        """Run an UPDATE for each row of values in a transaction.

        Returns one bool per row: whether it has changed something. In optimistic mode all are True,
        since a conflict aborts the transaction; see `storage/db/optimistic.py`.
        """
        with self.transaction(), self.translate_errors():
            if self.is_optimistic:
                self.defer_each(statement.batch_or_fail.bind_each(rows))
                return [True] * len(rows)
            if not self.postgresql or len(rows) == 1:
                # One cursor of the driver, since Peewee's own path to a statement takes longer
                # than SQLite needs for a short one.
                cursor = self.engine.cursor()
                with PEEWEE_ERRORS:
                    return [
                        bool(cursor.execute(statement.sql, statement.arguments(each)).rowcount)
                        for each in rows
                    ]
            changed: list[bool] = []
            bound = statement.batch_of_guarded.bind_each(rows)
            for batch, each in zip(batches(rows), bound, strict=True):
                positions = {position for (position,) in self.engine.execute_sql(*each).fetchall()}
                changed += [position in positions for position in range(1, len(batch) + 1)]
            return changed

    def defer(self, sql: str, arguments: Sequence[Any]) -> None:
        """Run a statement inside a transaction without waiting for its result.

        It is sent together with the next statement or the commit and costs no round trip of its
        own. So its error may be raised by that statement or the commit.
        """
        with self.translate_errors():
            self.engine.defer(sql, arguments)

    def defer_each(self, statements: Iterable[tuple[str, Sequence[Any]]]) -> None:
        """Defer several statements with their arguments, see `defer`."""
        for sql, arguments in statements:
            self.defer(sql, arguments)

    def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        with self.translate_errors():
            cursor = self.engine.execute_sql(statement.sql, statement.arguments(values))
            return _rows(statement, cursor)

    def fetch_each(self, queries: Queries) -> list[list[dict[str, Any]]]:
        """Return the rows of each of several statements, in one round trip."""
        with self.translate_errors():
            bound = [(statement.sql, statement.arguments(values)) for statement, values in queries]
            cursors = self.engine.execute_each(bound)
            return [_rows(each[0], cursor) for each, cursor in zip(queries, cursors, strict=True)]

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> None:
        """Run SQL that is not a query on a table."""
        with self.translate_errors():
            self.engine.execute_sql(sql, parameters)

    def raw_connection(self) -> Any:
        """Return a new connection of the driver in autocommit mode. The caller closes it."""
        connection = self.engine._connect()
        self.engine.opened.remove(connection)
        return connection

    def close(self) -> None:
        """Close the connections of all threads. None of them may be in use."""
        self.engine.close_all()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Translate the engine's errors in a block of code into StoreError."""
        try:
            yield
        except (pw.DatabaseError, pw.InterfaceError) as error:
            translated = store_error_from(error, self.engine.database, self._is_connection_lost())
            if translated is None:
                raise  # an error in a query, not a state of the store
            self._drop_connection()
            if not self.postgresql and is_damage(error):
                translated = self._damage(str(error))
            raise translated from error

    def _damage(self, found: str) -> StoreDamaged:
        if self.reports_damage:
            note: DamageNote = self.engine.damage
            return note.report(found)
        return damaged(self.engine.database, found)

    def _is_connection_lost(self) -> bool:
        """Return whether the server has ended the connection."""
        return self.postgresql and not self.engine.is_closed() and self.engine.connection().closed

    def _before_commit(self, at_end: Callable[[], None] | None) -> None:
        if counts := self.counters.take():
            add = self.statement("add to counters", add_statement)
            self.defer_each(add.bind_each(counts))
        if at_end:
            at_end()

    def _drop_connection(self) -> None:
        if self.engine.in_transaction():
            return  # the outermost transaction drops it after its rollback
        try:
            self.engine.close()
        except pw.PeeweeException:
            log.debug("closing a failed connection failed", exc_info=True)


def _rows(statement: Statement, cursor: Any) -> list[dict[str, Any]]:
    with PEEWEE_ERRORS:
        rows = cursor.fetchall()
    return statement.to_dicts([column[0] for column in cursor.description], rows)
