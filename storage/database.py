"""Runs queries on a database. With `engines`, the only place where SQLite and PostgreSQL differ.

Correctness needs nothing of what differs here: every change is one guarded UPDATE, the same on
both. Each thread has its own connection, opened when first needed and dropped after an error.
"""

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import peewee as pw

from storage.failures import is_rolled_back, state_told_by
from storage.job import StoreFull, StoreInDoubt, StoreUnavailable
from storage.models import VersionRow
from storage.statements import Statement, place
from storage.tallies import Pending, add_statement

log = logging.getLogger(__name__)

PEEWEES_ERRORS = pw.__exception_wrapper__  # type: ignore[attr-defined]
"""Turns the errors of the drivers into those of Peewee."""


class Database:
    """A database: runs queries, and tells its own errors from everything else.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the engine fails.
    """

    def __init__(self, engine: Any):
        self.engine = engine
        self._statements: dict[Hashable, Statement] = {}
        self.tallies = Pending()
        """What is counted in a transaction is stored at its end."""

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, for those few that must know."""
        return isinstance(self.engine, pw.PostgresqlDatabase)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A write transaction; inside another one it is a part of that.

        Raises StoreInDoubt if the commit failed in a way that leaves open whether it was made.
        """
        if self.engine.in_transaction():
            yield
            return
        committing = False
        self.tallies.take()  # of one that failed, nothing has happened
        try:
            with self.translated(), self.engine.atomic():
                yield
                self._store_tallies()
                committing = True
        except (StoreUnavailable, StoreFull) as error:
            if self._is_lost():
                self._drop_connection()
            if not committing or is_rolled_back(error, self.postgresql):
                raise
            raise StoreInDoubt(str(error)) from error

    def run(self, query: Any) -> None:
        """Run a query that changes something, in a transaction."""
        with self.transaction(), self.translated():
            query.bind(self.engine).execute()

    def changed(self, query: Any) -> int:
        """Run an UPDATE or a DELETE, in a transaction; the number of rows it changed."""
        with self.transaction(), self.translated():
            return int(query.bind(self.engine).execute())

    def rows(self, query: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        with self.translated():
            return list(query.bind(self.engine).dicts().execute())

    def statement(self, key: Hashable, make: Callable[[], Any]) -> Statement:
        """The statement of this key, made from a query when it is first asked for."""
        if key not in self._statements:
            self._statements[key] = Statement(self.engine, make())
        return self._statements[key]

    def change(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """Run a statement that changes something, in a transaction; the number of rows."""
        with self.transaction(), self.translated():
            cursor = self.engine.execute_sql(statement.sql, statement.arguments(values))
            return int(cursor.rowcount)

    def change_each(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement for each of many values, in a transaction; the rows changed in all."""
        with self.transaction(), self.translated():
            arguments, cursor = [statement.arguments(each) for each in many], self.engine.cursor()
            with PEEWEES_ERRORS:
                cursor.executemany(statement.sql, arguments)
            return int(cursor.rowcount)

    def all_or_none(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> bool:
        """The same, inside a transaction; False, and nothing done, if not each has changed one."""
        with self.translated(), self.engine.savepoint() as savepoint:
            if self.change_each(statement, many) == len(many):
                return True
            savepoint.rollback(begin=False)
            return False

    def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a statement gives."""
        with self.translated():
            cursor = self.engine.execute_sql(statement.sql, statement.arguments(values))
            with PEEWEES_ERRORS:
                found = cursor.fetchall()
        names = [column[0] for column in cursor.description]
        return [statement.row(names, each) for each in found]

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> None:
        """Run a statement that is no query on a table."""
        with self.translated():
            self.engine.execute_sql(sql, parameters)

    def connect_plainly(self) -> Any:
        """A new connection of the driver itself, in autocommit; the caller closes it."""
        connection = self.engine._connect()
        self.engine.opened.remove(connection)
        return connection

    def next_version(self, count: int = 1) -> int:
        """Number the next changes; the last of so many numbers.

        Only inside a transaction, which keeps the order of commits.
        """
        advance = self.statement("next version", _advance)
        return int(self.fetch(advance, {"count": count})[0]["value"])

    def for_update(self, query: Any) -> Any:
        """Lock the rows of a query that others may want too, passing over what they hold."""
        return query.for_update("FOR UPDATE SKIP LOCKED") if self.postgresql else query

    def by_index(self, query: Any, model: Any, index: str) -> Any:
        """Have SQLite read a table by this index; it keeps no statistics, and would sort all of a
        queue to take the first. In a subquery, `model` is an alias."""
        if self.postgresql:
            return query
        alias = model.alias if isinstance(model, pw.ModelAlias) else "t1"
        return query.from_(pw.SQL(f'"{model._meta.table_name}" AS "{alias}" INDEXED BY "{index}"'))

    def contains(self, field: Any, text: Any) -> Any:
        """Whether a text without capitals is in a field; A to Z may be in either case there."""
        if self.postgresql:  # whose LOWER goes by the language of the database, but for C
            return pw.fn.STRPOS(pw.fn.LOWER(field.collate('"C"')), text) > 0
        return pw.fn.INSTR(pw.fn.LOWER(field), text) > 0

    def lock(self, query: Any) -> Any:
        """Keep the rows of a query from being changed by others until the transaction ends."""
        return query.for_update("FOR UPDATE") if self.postgresql else query

    def share(self, query: Any) -> Any:
        """Keep the rows of a query from being deleted by others until the transaction ends."""
        return query.for_update("FOR KEY SHARE") if self.postgresql else query

    def close(self) -> None:
        """Close the connections of all threads; none of them may be in use."""
        self.engine.close_all()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """A block of code in which the engine's errors become ours."""
        try:
            yield
        except (pw.DatabaseError, pw.InterfaceError) as error:
            told = state_told_by(error, self.engine.database, self._is_lost())
            if told is None:
                raise  # a mistake in a query, not a state of the store
            self._drop_connection()
            raise told from error

    def _is_lost(self) -> bool:
        """Whether a server has ended the connection."""
        return self.postgresql and not self.engine.is_closed() and self.engine.connection().closed

    def _store_tallies(self) -> None:
        if counted := self.tallies.take():
            self.change_each(self.statement("tally", add_statement), counted)

    def _drop_connection(self) -> None:
        if self.engine.in_transaction():
            return  # the outermost transaction drops it, once it has been rolled back
        try:
            self.engine.close()
        except pw.PeeweeException:
            log.debug("closing a failed connection failed", exc_info=True)


def _advance() -> Any:
    count = place(VersionRow.value, "count")
    return VersionRow.update(value=VersionRow.value + count).returning(VersionRow.value)
