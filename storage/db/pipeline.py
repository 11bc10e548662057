"""Pipelining on PostgreSQL: statements are deferred and sent in one round trip.

    defer, defer, execute  ─▶ one round trip        defer, commit  ─▶ one round trip

A deferred statement waits in memory. It is sent, in order, before the next statement that needs a
result, or with the commit. This module relies on private methods of psycopg's pipeline and is
tested with psycopg 3.3.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from storage.db.errors import PEEWEE_ERRORS

BoundStatement = tuple[str, Sequence[Any]]
"""SQL text with its parameters."""


class _DeferredStatements(threading.local):
    """The statements that the current transaction of a thread has not sent yet."""

    def __init__(self) -> None:
        self.begin: Sequence[str] = ()
        self.results: list[PendingResult] = []


class PendingResult:
    """The result of a statement that may not have been sent yet."""

    def __init__(self, engine: Any, statement: BoundStatement):
        self._engine, self.statement = engine, statement
        self.cursor: Any = None
        self.rows: Sequence[Sequence[Any]] | None = None

    def value(self) -> Any:
        """Return the single value of the result. Sends the statement and waits, if necessary."""
        if self.rows is None:
            if self.cursor is None:
                self._engine.flush()
            with PEEWEE_ERRORS:
                self.rows = self.cursor.fetchall()
        return self.rows[0][0]


class Pipeline:
    """Mixin for a Peewee engine that defers statements. Must precede the engine's class."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._deferred = _DeferredStatements()

    def defer_begin(self, statements: Sequence[str]) -> None:
        """Begin a transaction: send these statements before its first statement."""
        self.discard_deferred()
        self._deferred.begin = statements

    def defer(self, sql: str, parameters: Sequence[Any]) -> None:
        """Defer a statement and ignore its result."""
        self.defer_query(sql, parameters)

    def defer_query(self, sql: str, parameters: Sequence[Any]) -> PendingResult:
        """Defer a statement, and return its pending result."""
        result = PendingResult(self, (sql, parameters))
        self._deferred.results.append(result)
        return result

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement after the deferred ones, in one round trip, and return its cursor."""
        return self.execute_each([(sql, params)])[0]

    def execute_each(self, statements: Sequence[BoundStatement]) -> list[Any]:
        """Run several statements after the deferred ones, in one round trip.

        Returns their cursors.
        """
        if len(statements) == 1 and not self._has_deferred():
            return [super().execute_sql(*statements[0])]  # type: ignore[misc]
        with self._one_round_trip():
            return [self.execute_sql(*each) for each in statements]

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """Return a cursor for the next statement. All deferred statements are sent first."""
        self.flush()
        return super().cursor(*args, **kwargs)  # type: ignore[misc]

    def commit(self) -> None:
        """Commit after all deferred statements, in one round trip.

        An empty transaction sends nothing.
        """
        if self._deferred.begin and not self._deferred.results:
            self.discard_deferred()
        elif self._deferred.results:
            with self._one_round_trip():
                super().commit()  # type: ignore[misc]
        else:
            super().commit()  # type: ignore[misc]

    def flush(self) -> None:
        """Send all deferred statements."""
        if not self._deferred.begin and len(self._deferred.results) == 1:
            (result,) = self.discard_deferred()[1]
            result.cursor = self.execute_sql(*result.statement)
        elif self._has_deferred():
            with self._one_round_trip():
                pass

    def discard_deferred(self) -> tuple[Sequence[str], list[PendingResult]]:
        """Remove all deferred statements. Returns the begin statements and the pending results."""
        deferred = self._deferred.begin, self._deferred.results
        self._deferred.begin, self._deferred.results = (), []
        return deferred

    def _has_deferred(self) -> bool:
        return bool(self._deferred.begin or self._deferred.results)

    @contextmanager
    def _one_round_trip(self) -> Iterator[None]:
        """Send the deferred statements together with the block's, and wait for all results."""
        with PEEWEE_ERRORS, _pipeline(self.connection()):  # type: ignore[attr-defined]
            begin, results = self.discard_deferred()
            for sql in begin:
                self.execute_sql(sql)
            for each in results:
                each.cursor = self.execute_sql(*each.statement)
            yield


@contextmanager
def _pipeline(connection: Any) -> Iterator[None]:
    """A pipeline of psycopg that ends with Sync instead of Flush.

    psycopg ends its pipelines with Flush. After that, the server expects more of a statement: it
    would wait forever, and `idle_in_transaction_session_timeout` would not end an idle transaction.
    Errors after the first one in a pipeline are suppressed, since they only follow from it.
    """
    from psycopg.generators import send  # not at the top: see storage/settings/drivers.py

    failed = False

    def leave() -> Iterator[Any]:
        if not connection.closed:
            with contextlib.suppress(*([Exception] if failed else [])):
                try:
                    pipeline._enqueue_sync()
                    yield from pipeline._communicate_gen()
                    yield from send(pipeline.pgconn)  # the rest, if the socket's buffer was full
                finally:
                    yield from pipeline._fetch_gen(flush=False)

    try:
        with connection.pipeline() as pipeline:
            pipeline._exit_gen = leave
            try:
                yield
            except BaseException:
                failed = True
                raise
    except BaseException:
        # psycopg may believe that statements after the first error were prepared; they were not.
        connection._prepared.clear()
        raise
