"""Runs queries on a database. With `engines` and `dialect`, all that knows which database it is.

Correctness needs nothing of what differs here: every change is one guarded UPDATE, the same on
both. Each thread has its own connection, opened when first needed and dropped after an error.
"""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import peewee as pw

from storage.db.counters import PendingCounts, add_statement
from storage.db.dialect import Dialect
from storage.db.errors import PEEWEES_ERRORS, is_rolled_back, state_told_by
from storage.db.fetching import FetchesRows
from storage.db.optimistic import OptimisticTransactions
from storage.db.row_by_row import change_both_in_turn
from storage.db.statements import Statement, in_some
from storage.db.versions import VersionSequence
from storage.records.job import StoreFull, StoreInDoubt, StoreUnavailable

log = logging.getLogger(__name__)


class Database(FetchesRows, VersionSequence, OptimisticTransactions, Dialect):
    """A database: runs queries, and tells its own errors from everything else.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the engine fails.
    """

    def __init__(self, engine: Any):
        super().__init__(engine)
        self._statements: dict[Hashable, Statement] = {}
        self.tallies = PendingCounts()
        """What is counted in a transaction is stored at its end."""

    @contextmanager
    def transaction(self, at_end: Callable[[], None] | None = None) -> Iterator[None]:
        """A write transaction; inside another one it is a part of that. `at_end` is the last that
        it does, and asks for no result.

        Raises StoreInDoubt if the commit failed in a way that leaves open whether it was made.
        """
        if self.engine.in_transaction():
            yield
            if at_end:
                at_end()
            return
        committing = False
        self.tallies.take()  # of one that failed, nothing has happened
        self._numbers.forget()
        try:
            with self.translated(), self.engine.atomic():
                yield
                self._end(at_end)
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
            if whole := statement.of_many if len(many) > 1 else None:
                return sum(self.engine.execute_sql(*each).rowcount for each in whole.texts(many))
            cursor = self.engine.cursor()
            with PEEWEES_ERRORS:
                cursor.executemany(statement.sql, map(statement.arguments, many))
            return int(cursor.rowcount)

    def change_each_later(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> None:
        """The same inside a transaction for changes whose number nobody asks for, see `later`."""
        if not self.postgresql:
            self.change_each(statement, many)
        else:
            self.later_each(statement.texts(many))

    def change_both(
        self, first: Statement, second: Statement, many: Sequence[Mapping[str, Any]]
    ) -> list[bool]:
        """Run a statement for each of many values, in a transaction, and a second one for each of
        which it has changed the row; which those are, or all while that is hoped for."""
        with self.transaction(), self.translated():
            if self.hopes:
                for each in second.texts(many):
                    self.engine.earlier(*each)  # ahead of the numbers: it holds up nobody
                self.later_each(first.of_all.texts(many))
                return [True] * len(many)
            if not (both := first.followed_by(second)):
                return change_both_in_turn(self.engine.cursor(), first, second, many)
            changed: list[bool] = []
            for rows, each in zip(in_some(many), both.texts(many), strict=True):
                found = {at for (at,) in self.engine.execute_sql(*each).fetchall()}
                changed += [at in found for at in range(1, len(rows) + 1)]
            return changed

    def change_both_later(
        self, first: Statement, second: Statement, many: Sequence[Mapping[str, Any]]
    ) -> None:
        """The same in a transaction where none can be refused, see `later`."""
        if both := first.followed_by(second):
            self.later_each(both.texts(many))
        else:
            self.change_each(first, many)
            self.change_each(second, many)

    def later(self, sql: str, arguments: Sequence[Any]) -> None:
        """Run a statement inside a transaction, whose result nobody wants: before the next one, at
        the latest with the commit, without a wait of its own. So an error may come from these."""
        with self.translated():
            self.engine.later(sql, arguments)

    def later_each(self, texts: Iterable[tuple[str, Sequence[Any]]]) -> None:
        """The same for several statements, with their arguments."""
        for sql, arguments in texts:
            self.later(sql, arguments)

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> None:
        """Run a statement that is no query on a table."""
        with self.translated():
            self.engine.execute_sql(sql, parameters)

    def connect_plainly(self) -> Any:
        """A new connection of the driver itself, in autocommit; the caller closes it."""
        connection = self.engine._connect()
        self.engine.opened.remove(connection)
        return connection

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

    def _end(self, at_end: Callable[[], None] | None) -> None:
        if counted := self.tallies.take():
            tally = self.statement("tally", add_statement)
            self.later_each(tally.texts(counted))
        if at_end:
            at_end()

    def _drop_connection(self) -> None:
        if self.engine.in_transaction():
            return  # the outermost transaction drops it, once it has been rolled back
        try:
            self.engine.close()
        except pw.PeeweeException:
            log.debug("closing a failed connection failed", exc_info=True)
