"""Asks a database for rows, several times at once, or along with what is run anyway."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storage.failures import PEEWEES_ERRORS
from storage.statements import Statement

Asked = Sequence[tuple[Statement, Mapping[str, Any]]]
"""Statements with the values for their places."""
Found = list[list[dict[str, Any]]]
"""The rows that each gives."""


class Fetches:
    """For a database."""

    engine: Any
    postgresql: bool
    translated: Any

    def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a statement gives."""
        return self.fetch_each([(statement, values)])[0]

    def fetch_each(self, asked: Asked) -> Found:
        """The rows that each of several statements gives, at the cost of one wait."""
        with self.translated():
            return _found(asked, self.engine.execute_each(_texts(asked)))

    def fetch_behind(self, asked: Asked) -> Callable[[], Found | None]:
        """Ask right behind the next statement, without a wait: what was found then. None if another
        statement was run since, and where it would save no wait."""
        if not self.postgresql:
            return lambda: None
        engine = self.engine
        answers = engine.behind(_texts(asked))

        def found() -> Found | None:
            if not engine.is_last(answers):
                return None
            with self.translated():
                return _found(asked, [each.cursor for each in answers])

        return found


def _texts(asked: Asked) -> list[tuple[str, list[Any]]]:
    return [(statement.sql, statement.arguments(values)) for statement, values in asked]


def _found(asked: Asked, cursors: Sequence[Any]) -> Found:
    with PEEWEES_ERRORS:
        found = [cursor.fetchall() for cursor in cursors]
    return [
        statement.rows([column[0] for column in cursor.description], rows)
        for (statement, _), cursor, rows in zip(asked, cursors, found, strict=True)
    ]
