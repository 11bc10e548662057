"""Statements that nobody waits for, on PostgreSQL: they go with the next one, or the commit."""

import threading
from collections.abc import Sequence
from typing import Any

from storage.failures import PEEWEES_ERRORS


class _Unsent(threading.local):
    """What a thread's transaction has not sent yet."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Sequence[Any]]] = []


class SendsLater:
    """For an engine of Peewee's, before its own class."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._unsent = _Unsent()

    def later(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement, whose result nobody wants, ahead of the next one or of the commit."""
        self._unsent.statements.append((sql, parameters))

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """A cursor for the next statement: what is not sent goes first."""
        for each in self.forget_unsent():
            self.execute_sql(*each)  # type: ignore[attr-defined]
        return super().cursor(*args, **kwargs)  # type: ignore[misc]

    def commit(self) -> None:
        """Commit, in one breath with what is not sent: one wait for all of it."""
        if not self._unsent.statements:
            super().commit()  # type: ignore[misc]
            return
        with PEEWEES_ERRORS, self.connection().pipeline():  # type: ignore[attr-defined]
            super().commit()  # type: ignore[misc]

    def forget_unsent(self) -> list[tuple[str, Sequence[Any]]]:
        """What is not sent, and will not be."""
        unsent, self._unsent.statements = self._unsent.statements, []
        return unsent
