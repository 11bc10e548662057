"""Compiled statements: queries whose SQL text is built once.

Building the SQL of a Peewee query takes many times as long as running it. A query that runs for
every job is compiled once, with parameters in place of values:

    JobRow.update(progress=parameter(JobRow.progress)).where(JobRow.id == parameter(JobRow.id))

So each guard is written once for both databases, and the same query serves one row or, on
PostgreSQL, many rows at once (`storage/db/batch_statements.py`). See also
`storage/db/parameters.py`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import peewee as pw

from storage.db.parameters import Parameter
from storage.db.peewee_internals import returned_fields

BATCH_SIZE = 100
"""Maximum number of rows that one statement changes."""
Row = dict[str, Any]
"""The columns of a row of a table, by their names."""
SqlRow = tuple[Any, ...]
"""The columns of a row of a table, in the order of the SQL."""
Arguments = Sequence[Any]
"""The arguments of SQL, in its order."""
BoundStatement = tuple[str, Arguments]
"""SQL and its arguments."""
Values = Mapping[str, Any]
"""The values of a statement's parameters, by their names."""
Rows = Sequence[Values]
"""The values of a statement's parameters, for several rows."""
_UUID_FIELD = pw.UUIDField()


class Statement:
    """A query compiled for one engine: its SQL and its parameters."""

    def __init__(self, database: pw.Database, query: pw.BaseQuery):
        self.query = query
        self.sql, parameters = query.bind(database).sql()
        names = [each.name for each in parameters if isinstance(each, Parameter)]
        self._is_plain = len(names) == len(parameters) > 1
        """Whether all arguments are parameters, so that one call picks them from the values."""
        self._pick = itemgetter(*names) if names else _no_values
        self._converters = [
            (index, convert)
            for index, each in enumerate(parameters)
            if isinstance(each, Parameter) and (convert := each.converter()) is not None
        ]
        """The positions of values that are converted for the driver, and how."""
        self._getters = [
            each.getter() if isinstance(each, Parameter) else partial(_constant, each)
            for each in parameters
        ]
        self.fields = {each.name: each.field for each in parameters if isinstance(each, Parameter)}
        """The fields of the parameters, by the names of the parameters."""
        self._uuid_columns = [
            index
            for index, column in enumerate(returned_fields(query))
            if isinstance(column, pw.UUIDField)
        ]

    def arguments(self, values: Values) -> list[Any]:
        """Return the arguments for the SQL, with the parameters taken from `values`."""
        if not self._is_plain:
            return [get(values) for get in self._getters]
        # As above, in half the time: most statements that run for each job have only parameters.
        arguments = list(self._pick(values))
        for index, convert in self._converters:
            value = arguments[index]
            if value is not None and (convert is not int or type(value) is not int):
                arguments[index] = convert(value)
        return arguments

    def to_dicts(self, names: Sequence[str], driver_rows: Sequence[Arguments]) -> list[Row]:
        """Convert rows of the driver to dicts with the values that Peewee would return."""
        rows = [dict(zip(names, each, strict=True)) for each in driver_rows]
        for name in [names[index] for index in self._uuid_columns]:
            for row in rows:
                row[name] = _UUID_FIELD.python_value(row[name])
        return rows


def _no_values(_: Values) -> Arguments:
    return ()


def _constant(value: object, _: Values) -> object:
    return value
