"""Where the values of a statement go that are given later. Imports nothing of ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import peewee as pw

GIVEN = "given"
"""The name of a table that has the values for the places of a query."""


@dataclass(frozen=True)
class Parameter:
    """The place of a value, by its name, for a field."""

    name: str
    field: pw.Field

    def getter(self) -> Callable[[Mapping[str, Any]], Any]:
        """What takes its value out of many, as the field's own `db_value` gives it to a driver."""
        name = self.name
        if isinstance(self.field, pw.TextField):
            return itemgetter(name)
        # Of all fields of integers, this is a third of the cost.
        convert = int if isinstance(self.field, pw.IntegerField) else self.field.db_value
        return lambda values: None if (value := values[name]) is None else convert(value)


class _ParameterValue(pw.Value):
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


def parameter(field: pw.Field, name: str = "") -> pw.Value:
    """Where a value of a field goes that is given later, by the name of the field or another."""
    return _ParameterValue(Parameter(name or field.name, field), converter=False)


def unindexed(field: pw.Field) -> Any:
    """The value of a field of text, not as a column of an index: of what many rows have, PostgreSQL
    would else read all of these to find a few."""
    return pw.Expression(field, "||", "")


def key_equals(field: pw.Field, name: str = "") -> Any:
    """The condition that a field, with which an index begins, has a value that is given later."""
    return _Keyed(field, parameter(field, name))
