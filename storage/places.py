"""Where the values of a statement go that are given later. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import peewee as pw


@dataclass(frozen=True)
class Place:
    """The place of a value, by its name, for a field."""

    name: str
    field: pw.Field

    def bound(self, values: Mapping[str, Any]) -> Any:
        """What the engine takes for it."""
        value = values[self.name]
        return None if value is None else self.field.db_value(value)  # type: ignore[no-untyped-call]


class _Given(pw.Value):
    """A place in a query: a parameter, or the column of a table that has the values."""

    def __sql__(self, context: Any) -> Any:
        if context.state.places is None:
            return super().__sql__(context)  # type: ignore[no-untyped-call]
        return context.literal(f'{context.state.places}."{self.value.name}"')


class _Keyed(pw.ColumnBase):
    """That the first column of a key has the value of a place.

    Where a table has the values, not as an equation: PostgreSQL could read all jobs in the order of
    the key instead, and does so if it takes them for few. What it has planned it keeps, and many
    come. Of this, nothing but a search in the key's index for each value can be made.
    """

    def __init__(self, field: pw.Field, given: pw.Value):
        super().__init__()
        self._field, self._given = field, given

    def __sql__(self, context: Any) -> Any:
        is_one = context.state.places is None
        context.sql(self._field).literal(" = " if is_one else " = ANY(ARRAY[")
        return context.sql(self._given).literal("" if is_one else "])")


def place(field: pw.Field, name: str = "") -> pw.Value:
    """Where a value of a field goes that is given later, by the name of the field or another."""
    return _Given(Place(name or field.name, field), converter=False)


def keyed(field: pw.Field, name: str = "") -> Any:
    """The condition that a field, with which an index begins, has a value that is given later."""
    return _Keyed(field, place(field, name))
