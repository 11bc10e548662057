"""Asks a database for rows, also for those of several statements at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from storage.db.errors import PEEWEES_ERRORS
from storage.db.statements import Statement

Queries = Sequence[tuple[Statement, Mapping[str, Any]]]
"""Statements with the values for their places."""
Found = list[list[dict[str, Any]]]
"""The rows that each gives."""


class FetchesRows:
    """For a database."""

    engine: Any
    translated: Any

    def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that a statement gives."""
        with self.translated():
            cursor = self.engine.execute_sql(statement.sql, statement.arguments(values))
            return _rows(statement, cursor)

    def fetch_each(self, asked: Queries) -> Found:
        """The rows that each of several statements gives, at the cost of one wait."""
        with self.translated():
            texts = [(statement.sql, statement.arguments(values)) for statement, values in asked]
            cursors = self.engine.execute_each(texts)
            return [_rows(each[0], cursor) for each, cursor in zip(asked, cursors, strict=True)]


def _rows(statement: Statement, cursor: Any) -> list[dict[str, Any]]:
    with PEEWEES_ERRORS:
        found = cursor.fetchall()
    return statement.rows([column[0] for column in cursor.description], found)
