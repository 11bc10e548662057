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
    translated: Any

    def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a statement gives."""
        with self.translated():
            cursor = self.engine.execute_sql(statement.sql, statement.arguments(values))
            return _rows(statement, cursor)

    def fetch_each(self, asked: Asked) -> Found:
        """The rows that each of several statements gives, at the cost of one wait."""
        with self.translated():
            cursors = self.engine.execute_each(_texts(asked))
            return [_rows(each[0], cursor) for each, cursor in zip(asked, cursors, strict=True)]

    def fetch_behind(self, asked: Asked) -> Callable[[], Found | None]:
        """Ask right behind the next statement, on PostgreSQL, without a wait: what was found then.
        None if anything else was asked for since."""
        engine = self.engine
        answers = engine.behind(_texts(asked))

        def found() -> Found | None:
            if not engine.is_last(answers):
                return None
            with self.translated():
                return [
                    _rows(each[0], answer.cursor)
                    for each, answer in zip(asked, answers, strict=True)
                ]

        return found


def _texts(asked: Asked) -> list[tuple[str, list[Any]]]:
    return [(statement.sql, statement.arguments(values)) for statement, values in asked]


def _rows(statement: Statement, cursor: Any) -> list[dict[str, Any]]:
    with PEEWEES_ERRORS:
        found = cursor.fetchall()
    return statement.rows([column[0] for column in cursor.description], found)
