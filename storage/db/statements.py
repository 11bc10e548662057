"""Compiled statements: queries whose SQL text is built once.

Building the SQL of a Peewee query takes many times as long as running it. A query that runs for
every job is compiled once, with parameters in place of values:

    JobRow.update(progress=parameter(JobRow.progress)).where(JobRow.id == parameter(JobRow.id))

So each guard is written once for both databases, and the same query serves one row or, on
PostgreSQL, many rows at once. See also `storage/db/parameters.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import peewee as pw

from storage.db.parameters import PARAMETER_ROWS, Parameter

BATCH_SIZE = 100
"""Maximum number of rows that one statement changes."""
_CHANGED = "changed"
"""Name of the CTE with the rows that a statement has changed."""
_CHANGED_POSITIONS = f"SELECT ordinality FROM {_CHANGED}"
NOT_ALL_CHANGED = "22P02"
"""SQLSTATE for invalid text of a number, with which the server aborts the transaction."""
# If not all rows were changed, this casts a text to a number, which fails. The server logs the
# text.
_FAIL_UNLESS_ALL_CHANGED = (
    f"SELECT 1 FROM (SELECT COUNT(*) AS changed FROM {_CHANGED}) AS changed_rows, "
    f"(SELECT COUNT(*) AS expected FROM {PARAMETER_ROWS}) AS expected_rows "
    "WHERE changed < expected AND 0 = (changed || ' of ' || expected || "
    "' rows are unchanged, so the transaction is retried')::integer"
)


def batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split rows into batches of at most BATCH_SIZE."""
    return (rows[start : start + BATCH_SIZE] for start in range(0, len(rows), BATCH_SIZE))


class Statement:
    """A query compiled for one engine: its SQL and its parameters."""

    def __init__(self, engine: Any, query: Any):
        self._engine, self._query = engine, query
        self.sql, self._parameters = query.bind(engine).sql()
        returned = list(getattr(query, "_returning", None) or ())
        self._getters = [
            each.getter() if isinstance(each, Parameter) else partial(_constant, each)
            for each in self._parameters
        ]
        self._uuid_columns = [
            index for index, column in enumerate(returned) if isinstance(column, pw.UUIDField)
        ]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the arguments for the SQL, with the parameters taken from `values`."""
        return [get(values) for get in self._getters]

    @cached_property
    def batch(self) -> "BatchStatement | None":
        """The statement for many rows at once, or None if that is not possible."""
        if not isinstance(self._engine, pw.PostgresqlDatabase):
            return None
        try:
            json_rows = _JsonRows(self._fields())
        except KeyError:
            return None
        return BatchStatement(
            json_rows, *_sql_over_rows(self._engine, self._query, json_rows.sql, PARAMETER_ROWS)
        )

    @cached_property
    def batch_or_fail(self) -> "BatchStatement":
        """The statement for many rows on PostgreSQL, which must change all of them.

        Otherwise it fails with NOT_ALL_CHANGED.
        """
        json_rows = _JsonRows(self._fields())
        changes, parameters = self._changing_cte(pw.SQL("1"))
        sql = f"WITH {json_rows.as_cte}, {changes} {_FAIL_UNLESS_ALL_CHANGED}"
        return BatchStatement(json_rows, sql, [_ROWS_AS_JSON, *parameters])

    @cached_property
    def batch_of_guarded(self) -> "BatchStatement":
        """The statement for many rows on PostgreSQL, which returns the positions of the rows that
        it has changed, counted from 1."""
        json_rows = _JsonRows(self._fields())
        changes, parameters = self._changing_cte(pw.SQL(f"{PARAMETER_ROWS}.ordinality"))
        sql = f"WITH {json_rows.as_cte}, {changes} {_CHANGED_POSITIONS}"
        return BatchStatement(json_rows, sql, [_ROWS_AS_JSON, *parameters])

    def bind_each(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
        """Yield SQL and arguments that run this statement for many rows.

        Yields a few batches where possible, or one statement per row.
        """
        if len(rows) > 1 and (batch := self.batch):
            return batch.bind_each(rows)
        return ((self.sql, self.arguments(each)) for each in rows)

    def _changing_cte(self, returned: pw.SQL) -> tuple[str, list[Any]]:
        """Return the CTE that changes the rows of PARAMETER_ROWS, and its parameters."""
        query = self._query.returning(returned)
        sql, parameters = _sql_over_rows(self._engine, query, PARAMETER_ROWS, PARAMETER_ROWS)
        return f"{_CHANGED} AS ({sql})", parameters

    def _fields(self) -> dict[str, pw.Field]:
        return {each.name: each.field for each in self._parameters if isinstance(each, Parameter)}

    def to_dicts(
        self, names: Sequence[str], driver_rows: Sequence[Sequence[Any]]
    ) -> list[dict[str, Any]]:
        """Convert rows of the driver to dicts with the values that Peewee would return."""
        rows = [dict(zip(names, each, strict=True)) for each in driver_rows]
        for name in [names[index] for index in self._uuid_columns]:
            for row in rows:
                row[name] = _UUID_FIELD.python_value(row[name])
        return rows


class BatchStatement:
    """An INSERT or UPDATE of many rows on PostgreSQL, with the values as one JSON text.

    Running a statement for each row instead costs client and server twice as much, pipelined or
    not.
    """

    def __init__(self, json_rows: "_JsonRows", sql: str, parameters: Sequence[Any]):
        self.sql, self._json_rows, self._parameters = sql, json_rows, parameters

    def bind_each(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
        """Yield SQL and arguments for each batch of rows."""
        for batch in batches(rows):
            text = self._json_rows.text(batch)
            yield self.sql, [text if each is _ROWS_AS_JSON else each for each in self._parameters]


class _JsonRows:
    """Rows of parameter values as a table, made from one JSON text."""

    def __init__(self, fields: Mapping[str, pw.Field]):
        """Raises KeyError if a parameter has a type that JSON does not support."""
        columns = ", ".join(f'"{name}" {_type_of(field)}' for name, field in fields.items())
        self.sql = f"json_to_recordset(%s::json) AS {PARAMETER_ROWS} ({columns})"
        numbered = f"ROWS FROM (json_to_recordset(%s::json) AS ({columns})) WITH ORDINALITY"
        self.as_cte = f"{PARAMETER_ROWS} AS MATERIALIZED (SELECT * FROM {numbered})"
        self._names = list(fields)

    def text(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Return the rows as JSON."""
        from orjson import dumps  # not at the top: SQLite does not need it

        return dumps([{name: row[name] for name in self._names} for row in rows]).decode()


def _constant(value: Any, _: Mapping[str, Any]) -> Any:
    return value


def _sql_over_rows(engine: Any, query: Any, rows: str, name: str) -> tuple[str, list[Any]]:
    """Return SQL and parameters of a query that reads its parameters from a table.

    `rows` is the SQL of the table, and `name` its name or alias.
    """
    json_rows = pw.SQL(rows, [_ROWS_AS_JSON] * rows.count("%s"))
    sql, parameters = (
        engine.get_sql_context(parameter_table=name).sql(_reading_from(query, json_rows)).query()
    )
    return sql, parameters


def _reading_from(query: Any, json_rows: pw.SQL) -> Any:
    if isinstance(query, pw.Update):
        return query.from_(json_rows)
    inserted = query.clone()
    inserted._columns = list(query._insert)
    inserted._insert = pw.Select([json_rows], list(query._insert.values()))
    return inserted


def _type_of(field: pw.Field) -> str:
    for kind, name in _TYPES:
        if isinstance(field, kind):
            return name
    raise KeyError(field)


_TYPES = (
    (pw.UUIDField, "uuid"),
    (pw.TextField, "text"),
    (pw.BigIntegerField, "bigint"),
    (pw.IntegerField, "integer"),
    (pw.DoubleField, "double precision"),
    (pw.BooleanField, "boolean"),
)
_ROWS_AS_JSON = object()
"""Marks the argument that is replaced by the JSON text of the rows."""
_UUID_FIELD = pw.UUIDField()
