"""Pipelining on PostgreSQL, and the optimistic transactions that are made of it.

**Why.** All changes take a version from one row, whose lock lasts until the commit. So all other
writers wait while the holder of that row waits for the server, for the network between them, or for
a processor. Eight workers on one server claim and finish 1.6 to 1.9 times as many jobs with
pipelining as without, and 1.5 to 1.6 times as many with optimistic transactions
(docs/decisions/postgresql.md).

**Pipelining.** A statement whose result is not needed yet waits in memory. It is sent, in order,
with the next statement that needs a result, or with the commit.

    defer, defer, execute  ─▶ one round trip        defer, commit  ─▶ one round trip

The statements that begin a transaction wait too, so an empty transaction sends nothing.

**Optimistic transactions.** Changes do not wait for their row counts either. So the version row is
locked when everything is sent, and others wait for the work of the server only.

    normal       UPDATE ─▶ row count ─▶ UPDATE ─▶ row count ─▶ COMMIT
    optimistic   UPDATE, UPDATE, COMMIT ─▶ all changed, or the server aborts the transaction

If a row is not in the expected state, the server aborts the transaction, nothing has changed, and
OptimisticConflict is raised. The caller then repeats the transaction in normal mode.

**The connection** is in psycopg's pipeline mode for all its life, except for COPY. Each round trip
ends with `sync`, which sends a Sync message. The end of a block `with connection.pipeline()` sends
a Flush as well: after that, the server expects more of a statement, and never ends an idle
transaction (`idle_in_transaction_session_timeout`).

psycopg waits for results although the socket has not taken all data yet. With a statement of some
megabytes, server and client would then wait for each other. So `run` sends everything first, and
reads meanwhile.

If the server has ended an idle connection, it has sent the reason; `run` looks for it first.

After an error, the server skips all statements up to the Sync. `run` raises the first error, and
sets `has_failed`. The connection is then closed after the rollback, because psycopg may believe
that skipped statements were prepared.
"""

import contextlib
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from storage.db.statements import Arguments, BoundStatement

"""SQL text with its parameters."""


class PendingResult:
    """The result of a statement that may not have been sent yet."""

    def __init__(self, pipeline: "Pipeline", statement: BoundStatement):
        self._pipeline, self.statement = pipeline, statement
        self.cursor: Any = None
        self._value: Any = None

    def value(self) -> Any:
        """Return the single value of the result. Sends the statement and waits, if necessary."""
        if self._value is None:
            if self.cursor is None:
                self._pipeline.run([])
            ((self._value,),) = self.cursor.fetchall()
        return self._value


class Pipeline:
    """Sends the statements of one connection of psycopg. All methods raise errors of psycopg."""

    def __init__(self, connection: Any):
        self._connection = connection
        self._mode: Any = None
        self._last_words = ""
        """Why the server has ended the connection."""
        connection.add_notice_handler(self._note)
        self._begin: Sequence[str] = ()
        self._deferred: list[PendingResult] = []
        self.has_failed = False
        """Whether a statement has failed, so that the connection must not be used again."""
        self._enter()

    def begin(self, statements: Sequence[str]) -> None:
        """Begin a transaction: send these statements before its first statement."""
        self._begin = statements

    def defer(self, sql: str, parameters: Arguments) -> PendingResult:
        """Keep a statement until the next round trip."""
        result = PendingResult(self, (sql, parameters))
        self._deferred.append(result)
        return result

    def commit(self) -> None:
        """Commit after all deferred statements. An empty transaction sends nothing."""
        if self._begin and not self._deferred:
            self._begin = ()
        else:
            self.run([("COMMIT", ())])

    def rollback(self) -> None:
        """Roll back, and drop the deferred statements."""
        begun = not self._begin
        self._begin, self._deferred = (), []
        if begun:
            self.run([("ROLLBACK", ())])

    def run(self, statements: Sequence[BoundStatement]) -> list[Any]:
        """Run statements after the deferred ones, in one round trip. Returns their cursors."""
        begin, deferred = self._begin, self._deferred
        self._begin, self._deferred = (), []
        try:
            self._require_connected()
            for sql in begin:
                self._connection.execute(sql)
            for each in deferred:
                each.cursor = self._connection.execute(*each.statement)
            cursors = [self._connection.execute(*each) for each in statements]
            self._send_all()
            self._mode.sync()
        except BaseException:
            self.has_failed = True
            with contextlib.suppress(Exception):  # errors that follow from the first one
                self._mode.sync()
            raise
        return cursors

    @contextmanager
    def left(self) -> Iterator[None]:
        """Leave pipeline mode within a block, after all deferred statements."""
        self.run([])
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def close(self) -> None:
        """Close the connection. The server rolls back its transaction."""
        self._connection.close()
        with contextlib.suppress(Exception):  # it tells the server, which is gone
            self._leave()

    def _note(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "FATAL":
            self._last_words = notice.message_primary or ""

    def _require_connected(self) -> None:
        """Raise OperationalError with the server's reason if it has ended the idle connection.

        psycopg itself would find out when it sends, and forget the reason.
        """
        raw = self._connection.pgconn
        if self._poll(select.POLLIN, 0):
            raw.consume_input()
            raw.is_busy()  # reads the messages
        if self._last_words:
            self._connection.close()
            raise psycopg.OperationalError(self._last_words)

    def _enter(self) -> None:
        self._exits = contextlib.ExitStack()
        self._mode = self._exits.enter_context(self._connection.pipeline())

    def _leave(self) -> None:
        self._exits.close()

    def _send_all(self) -> None:
        """Send all data, and read results meanwhile: the server may not go on without that."""
        raw = self._connection.pgconn
        while raw.flush():
            self._poll(select.POLLIN | select.POLLOUT)
            raw.consume_input()

    def _poll(self, events: int, milliseconds: int | None = None) -> bool:
        """Wait until the socket is ready, and return whether it is."""
        poll = select.poll()  # select() cannot handle descriptors above 1023
        poll.register(self._connection.pgconn.socket, events)
        return bool(poll.poll(milliseconds))
