"""Changes of many rows where one statement cannot change them all."""

from collections.abc import Mapping, Sequence
from typing import Any

from storage.db.errors import PEEWEES_ERRORS
from storage.db.statements import Statement


def change_both_in_turn(
    cursor: Any, first: Statement, second: Statement, many: Sequence[Mapping[str, Any]]
) -> list[bool]:
    """Run a statement for each of many values, and a second one for each of which it has changed
    the row; which those are. All by one cursor of the driver: Peewee's own way to a statement takes
    longer than SQLite takes for the shorter ones."""

    def changes(statement: Statement, values: Mapping[str, Any]) -> bool:
        cursor.execute(statement.sql, statement.arguments(values))
        return bool(cursor.rowcount)

    with PEEWEES_ERRORS:
        return [changes(first, each) and changes(second, each) for each in many]
