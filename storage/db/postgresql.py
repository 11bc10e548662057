"""PostgreSQL: the engine of Peewee with its connections and transactions, and its dialect."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlparse

import peewee as pw
import psycopg

from storage.db import timeouts
from storage.db.batch_statements import (
    NOT_ALL_CHANGED,
    BatchStatement,
    guarded_over_rows,
    over_rows,
)
from storage.db.engine import Q
from storage.db.errors import OptimisticConflict, sqlstate_of, store_error_from
from storage.db.peewee_internals import DRIVER_ERRORS
from storage.db.pipeline import PendingResult, Pipeline
from storage.db.statements import BATCH_SIZE, Arguments, BoundStatement, Rows, Statement
from storage.records.job import StoreError
from storage.settings.url import split_hosts

# Changes find their rows by an index. The planner relies on the last statistics of tables and
# indexes: if a table was small then, it would now read or sort all of a million rows to find a few.
# A disabled plan type has a very high cost, and high costs would trigger JIT compilation each time,
# so JIT is off as well.
_SORTS = "enable_sort", "enable_incremental_sort"
_DISABLED = (*_SORTS, "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
_PLANNER_SETTINGS = dict.fromkeys(_DISABLED, "off")
_ROLLED_BACK_CLASSES = ("22", "23", "40", "53", "55")
"""Classes of SQLSTATEs with which a server rolls back a transaction but keeps the connection."""
_COMPLETION_UNKNOWN = "40003"


class Postgresql(pw.PostgresqlDatabase):
    """A database on a server. Waits are bounded, see `storage/db/timeouts.py`."""

    file = None

    def __init__(self, url: str, name: str, exclusive: bool):
        """`name` is shown by the server for the connections. `exclusive` says that there are no
        other users, so that a transaction may pause for any time."""
        from playhouse import db_url  # not at the top: it imports much that SQLite does not need

        self._pipelines: dict[Any, Pipeline] = {}
        """The open connections of all threads."""
        self._mode = threading.local()
        self._batches: dict[tuple[object, ...], BatchStatement | None] = {}
        session = timeouts.EXCLUSIVE_TRANSACTION if exclusive else timeouts.TRANSACTION
        self._begin = timeouts.begin({**session, **_PLANNER_SETTINGS})
        alone, others = split_hosts(url)
        parsed = db_url.parse(alone, unquote_password=True, unquote_user=True)
        if hosts := [urlparse(each) for each in others]:
            parsed["host"] = ",".join(each.hostname or "" for each in hosts)
            parsed["port"] = ",".join(str(each.port or "") for each in hosts)
        options = {**timeouts.CONNECTION_OPTIONS, "application_name": name, **parsed}
        super().__init__(**options, prefer_psycopg3=True)

    @property
    def peewee(self) -> pw.Database:
        """This object, as Peewee takes it."""
        return self

    # Connections

    def raw_connection(self) -> Any:
        """Return a new connection of psycopg in autocommit mode. The caller closes it."""
        try:
            connection = super()._connect()  # type: ignore[misc]
        except psycopg.ProgrammingError as error:  # raised before any server is contacted
            raise pw.DatabaseError(f"its address is wrong: {str(error).strip()}") from error
        try:
            connection.execute(timeouts.SESSION_SETTINGS)
        except Exception:
            connection.close()
            raise
        return connection

    def _connect(self) -> Any:
        connection = self.raw_connection()
        self._pipelines[connection] = Pipeline(connection)
        return connection

    def close(self) -> bool:
        """Close the connection of this thread; return whether it had one."""
        connection = None if self.is_closed() else self.connection()
        closed = bool(super().close())
        if pipeline := self._pipelines.pop(connection, None):
            pipeline.close()
        return closed

    def close_all(self) -> None:
        """Close the connections of all threads. None of them may be in use."""
        self.close()
        for pipeline in self._pipelines.values():
            pipeline.close()
        self._pipelines.clear()

    def is_connection_lost(self) -> bool:
        """Return whether the server has ended the connection."""
        return not self.is_closed() and bool(self.connection().closed)

    def _pipeline(self) -> Pipeline:
        return self._pipelines[self.connection()]

    # Transactions

    def begin(self, isolation_level: object = None) -> None:
        """Begin a transaction. Connects first, since connecting resets the transaction state."""
        self._pipeline().begin(self._begin)

    def commit(self) -> None:
        """Commit after all deferred statements, in one round trip."""
        with DRIVER_ERRORS:
            self._pipeline().commit()

    def rollback(self) -> None:
        """Roll back, or close the connection if that fails: it would hide the first error."""
        if self.is_closed():
            return
        pipeline = self._pipeline()
        with contextlib.suppress(psycopg.Error):
            pipeline.rollback()
        if pipeline.has_failed:
            self.close()

    @contextmanager
    def optimistic(self) -> Iterator[None]:
        """Make the transactions of this thread optimistic in this block, see `pipeline.py`.

        Raises OptimisticConflict if a row was not in the expected state.
        """
        self._mode.is_optimistic = True
        try:
            yield
        except pw.DataError as error:
            if sqlstate_of(error) == NOT_ALL_CHANGED:
                raise OptimisticConflict from error
            raise
        finally:
            self._mode.is_optimistic = False

    @property
    def is_optimistic(self) -> bool:
        """Whether changes assume that their guards hold."""
        return getattr(self._mode, "is_optimistic", False)

    # Statements

    def execute_sql(self, sql: str, params: Arguments | None = None) -> Any:
        """Run a statement after the deferred ones, in one round trip, and return its cursor."""
        return self.execute_each([(sql, params or ())])[0]

    def execute_each(self, statements: Sequence[BoundStatement]) -> list[Any]:
        """Run statements after the deferred ones, in one round trip. Returns their cursors."""
        with DRIVER_ERRORS:
            return self._pipeline().run(statements)

    def defer(self, sql: str, parameters: Arguments) -> PendingResult:
        """Run a statement together with the next one or the commit."""
        return self._pipeline().defer(sql, parameters)

    def defer_each(self, statement: Statement, rows: Rows) -> None:
        """Defer a changing statement for each row: a few for many rows where possible."""
        batch = self._batch((statement,), over_rows) if len(rows) > 1 else None
        if batch:
            bound = batch.bind_each(rows)
        else:
            bound = ((statement.sql, statement.arguments(row)) for row in rows)
        for each in bound:
            self.defer(*each)

    def change_each_guarded(self, statement: Statement, rows: Rows) -> list[bool]:
        """Run an UPDATE for each row; return where it has changed something.

        In optimistic mode all are True, since a conflict aborts the transaction.
        """
        batch = self._batch((statement, self.is_optimistic), guarded_over_rows)
        assert batch
        bound = list(batch.bind_each(rows))
        if self.is_optimistic:
            for each in bound:
                self.defer(*each)
            return [True] * len(rows)
        changed = set[int]()
        for number, cursor in enumerate(self.execute_each(bound)):
            changed |= {number * BATCH_SIZE + position for (position,) in cursor.fetchall()}
        return [position in changed for position in range(1, len(rows) + 1)]

    def copy_in(self, table: str, names: Sequence[str], rows: Rows) -> None:
        """Insert rows with COPY, which is four times as fast as INSERT."""
        columns = ", ".join(f'"{name}"' for name in names)
        with (
            DRIVER_ERRORS,
            self._pipeline().left(),
            self.connection().cursor().copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy,
        ):
            for row in rows:
                copy.write_row([row[name] for name in names])

    def _batch(
        self, key: tuple[object, ...], make: Callable[..., BatchStatement | None]
    ) -> BatchStatement | None:
        if key not in self._batches:
            self._batches[key] = make(self, *key)
        return self._batches[key]

    # Errors

    def store_error(self, error: pw.PeeweeException) -> StoreError | None:
        """Return the state of the store that an error shows; None for an error in a query."""
        return store_error_from(error, self.database, self.is_connection_lost())

    def is_rolled_back(self, error: StoreError) -> bool:
        """Return whether a failed commit certainly had no effect.

        The server gives the reason of a rollback as SQLSTATE, but a lost connection leaves the
        outcome unknown.
        """
        state = sqlstate_of(error) or ""
        return state[:2] in _ROLLED_BACK_CLASSES and state != _COMPLETION_UNKNOWN

    # Dialect: Peewee's `for_update` also takes SQL, which its types do not say

    def skip_locked(self, query: Q) -> Q:
        """Lock the rows of a query, and skip rows that other transactions have locked."""
        return query.for_update("FOR UPDATE SKIP LOCKED")  # type: ignore[arg-type]

    def lock(self, query: Q) -> Q:
        """Lock the rows of a query against changes by others until the transaction ends."""
        return query.for_update("FOR UPDATE")  # type: ignore[arg-type]

    def share(self, query: Q) -> Q:
        """Lock the rows of a query against deletion by others until the transaction ends."""
        return query.for_update("FOR KEY SHARE")  # type: ignore[arg-type]

    def by_index(self, query: Q, model: "type[pw.Model] | pw.ModelAlias[Any]", index: str) -> Q:
        """Do nothing: PostgreSQL keeps statistics, and has no such hints."""
        return query

    def contains(self, field: pw.ColumnBase, text: object) -> pw.Expression:
        """Return the condition that a field contains a text in lower case.

        Collation C, since LOWER depends on the database's locale.
        """
        return pw.fn.STRPOS(pw.fn.LOWER(field.collate('"C"')), text) > 0
