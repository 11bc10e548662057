"""Statements that nobody waits for yet, on PostgreSQL: they go with the next one, or the commit."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from storage.db.errors import PEEWEES_ERRORS

Text = tuple[str, Sequence[Any]]
"""A statement with its parameters."""


class _UnsentStatements(threading.local):
    """What a thread's transaction has not sent yet."""

    def __init__(self) -> None:
        self.begin: Sequence[str] = ()
        self.answers: list[PendingResult] = []


class PendingResult:
    """The answer to a statement, which may have to be sent yet."""

    def __init__(self, engine: Any, text: Text):
        self._engine, self.text = engine, text
        self.cursor: Any = None
        self.rows: Sequence[Sequence[Any]] | None = None

    def value(self) -> Any:
        """The one value that it gives; waits for it, if need be."""
        if self.rows is None:
            if self.cursor is None:
                self._engine.send_unsent()
            with PEEWEES_ERRORS:
                self.rows = self.cursor.fetchall()
        return self.rows[0][0]


class Pipeline:
    """For an engine of Peewee's, before its own class."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._unsent = _UnsentStatements()

    def begin_later(self, statements: Sequence[str]) -> None:
        """Begin a transaction, ahead of its first statement."""
        self.forget_unsent()
        self._unsent.begin = statements

    def later(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement, whose answer nobody wants, ahead of the next one or of the commit."""
        self.ask_later(sql, parameters)

    def earlier(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement in the same way, but ahead of all others that are not sent, also of those
        that were to run earlier."""
        self._unsent.answers.insert(0, PendingResult(self, (sql, parameters)))

    def ask_later(self, sql: str, parameters: Sequence[Any]) -> PendingResult:
        """Run a statement, whose answer nobody wants yet, in the same way."""
        answer = PendingResult(self, (sql, parameters))
        self._unsent.answers.append(answer)
        return answer

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement, in one breath with what is not sent: one wait for all of it."""
        return self.execute_each([(sql, params)])[0]

    def execute_each(self, texts: Sequence[Text]) -> list[Any]:
        """Run several statements in the same way."""
        if len(texts) == 1 and not self._has_unsent():
            return [super().execute_sql(*texts[0])]  # type: ignore[misc]
        with self._in_one_breath():
            return [self.execute_sql(*each) for each in texts]

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """A cursor for the next statement: what is not sent goes first."""
        self.send_unsent()
        return super().cursor(*args, **kwargs)  # type: ignore[misc]

    def commit(self) -> None:
        """Commit, in one breath with what is not sent. Where nothing was done, nothing is sent."""
        if self._unsent.begin and not self._unsent.answers:
            self.forget_unsent()
        elif self._unsent.answers:
            with self._in_one_breath():
                super().commit()  # type: ignore[misc]
        else:
            super().commit()  # type: ignore[misc]

    def send_unsent(self) -> None:
        """Run what is not sent."""
        if not self._unsent.begin and len(self._unsent.answers) == 1:
            (answer,) = self.forget_unsent()[1]
            answer.cursor = self.execute_sql(*answer.text)
        elif self._has_unsent():
            with self._in_one_breath():
                pass

    def forget_unsent(self) -> tuple[Sequence[str], list[PendingResult]]:
        """What is not sent, and will not be."""
        unsent = self._unsent.begin, self._unsent.answers
        self._unsent.begin, self._unsent.answers = (), []
        return unsent

    def _has_unsent(self) -> bool:
        return bool(self._unsent.begin or self._unsent.answers)

    @contextmanager
    def _in_one_breath(self) -> Iterator[None]:
        """What is not sent goes first; at the end, the answers to all are there."""
        with PEEWEES_ERRORS, _pipeline(self.connection()):  # type: ignore[attr-defined]
            begin, answers = self.forget_unsent()
            for sql in begin:
                self.execute_sql(sql)
            for each in answers:
                each.cursor = self.execute_sql(*each.text)
            yield


@contextmanager
def _pipeline(connection: Any) -> Iterator[None]:
    """A pipeline of psycopg's, whose last word is Sync.

    Its own is Flush, which a server takes for the next statement: it would wait for the rest of it
    for ever, and not end a transaction that stands still. And what fails after the first error is
    nothing to tell.
    """
    from psycopg.generators import send  # not above: see storage/drivers.py

    failed = False

    def leave() -> Iterator[Any]:
        if not connection.closed:
            with contextlib.suppress(*([Exception] if failed else [])):
                try:
                    pipeline._enqueue_sync()
                    yield from pipeline._communicate_gen()
                    yield from send(pipeline.pgconn)  # what the socket did not take at once
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
        # It may take for prepared what the server was to prepare after the first error.
        connection._prepared.clear()
        raise
