"""Parameters of compiled statements: named placeholders for values. Imports nothing of ours.

A statement for one row binds them as ordinary SQL parameters. A statement for many rows reads them
from the columns of a table, see `storage/db/statements.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import peewee as pw

PARAMETER_ROWS = "parameter_rows"
"""Name of the table that holds the parameter values in statements for many rows."""


@dataclass(frozen=True)
class Parameter:
    """A named value of a field's type, to be supplied when the statement runs."""

    name: str
    field: pw.Field

    def getter(self) -> Callable[[Mapping[str, Any]], Any]:
        """Return a function that picks the value from a mapping, converted for the driver.

        The result equals the field's own `db_value`.
        """
        name, convert = self.name, self.converter()
        if convert is None:
            return itemgetter(name)
        return lambda values: None if (value := values[name]) is None else convert(value)

    def converter(self) -> Callable[[Any], Any] | None:
        """Return what converts a value that is not None for the driver; None for texts."""
        if isinstance(self.field, pw.TextField):
            return None
        # `int` costs a third of the `db_value` of an integer field.
        return int if isinstance(self.field, pw.IntegerField) else self.field.db_value


class _ParameterValue(pw.Value):
    """A parameter in a query: an SQL parameter, or a column of the table that holds the values."""

    def __sql__(self, context: Any) -> Any:
        if context.state.parameter_table is None:
            return super().__sql__(context)  # type: ignore[no-untyped-call]
        return context.literal(f'{context.state.parameter_table}."{self.value.name}"')


class _KeyEquals(pw.ColumnBase):
    """The condition that the first column of a key equals a parameter.

    With a table of values this is `= ANY(ARRAY[…])` instead of an equation. For an equation,
    PostgreSQL may choose to read all jobs in the order of the key if it estimates few jobs, and it
    keeps that plan while many more arrive. `ANY` leaves it only one plan: to search the key's index
    for each value.
    """

    def __init__(self, field: pw.Field, value: pw.Value):
        super().__init__()
        self._field, self._value = field, value

    def __sql__(self, context: Any) -> Any:
        is_single = context.state.parameter_table is None
        context.sql(self._field).literal(" = " if is_single else " = ANY(ARRAY[")
        return context.sql(self._value).literal("" if is_single else "])")


def parameter(field: pw.Field, name: str = "") -> pw.Value:
    """Return a placeholder for a value of a field, named after the field unless `name` is given."""
    return _ParameterValue(Parameter(name or field.name, field), converter=False)


def unindexed(field: pw.Field) -> pw.Expression:
    """Return a text field as an expression that no index matches.

    Otherwise PostgreSQL might read all rows with a common value by an index to find a few of them.
    """
    return pw.Expression(field, "||", "")


def key_equals(field: pw.Field, name: str = "") -> pw.ColumnBase:
    """Return the condition that a field equals a parameter.

    The field must be the first column of an index.
    """
    return _KeyEquals(field, parameter(field, name))
