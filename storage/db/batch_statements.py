"""Statements for many rows on PostgreSQL, with the values as one JSON text.

    WITH parameter_rows AS (… json_to_recordset …), changed AS (UPDATE …) SELECT … FROM changed

They are made from the statement for one row. Running that statement for each row instead costs
client and server twice as much, pipelined or not.
"""

from collections.abc import Iterator, Mapping

import peewee as pw
from orjson import dumps

from storage.db.parameters import PARAMETER_ROWS
from storage.db.peewee_internals import reading_from
from storage.db.statements import BATCH_SIZE, Arguments, BoundStatement, Rows, Statement

_CHANGED = "changed"
"""Name of the CTE with the rows that a statement has changed."""
_SELECT_POSITIONS = f"SELECT ordinality FROM {_CHANGED}"
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
_ROWS_AS_JSON = object()
"""Marks the argument that is replaced by the JSON text of the rows."""
_TYPES = (
    (pw.UUIDField, "uuid"),
    (pw.TextField, "text"),
    (pw.BigIntegerField, "bigint"),
    (pw.IntegerField, "integer"),
    (pw.DoubleField, "double precision"),
    (pw.BooleanField, "boolean"),
)


class BatchStatement:
    """An INSERT or UPDATE of many rows."""

    def __init__(self, fields: Mapping[str, pw.Field], sql: str, parameters: Arguments):
        self._names, self._sql, self._parameters = list(fields), sql, parameters

    def bind_each(self, rows: Rows) -> Iterator[BoundStatement]:
        """Yield SQL and arguments for each batch of at most BATCH_SIZE rows."""
        for start in range(0, len(rows), BATCH_SIZE):
            batch = rows[start : start + BATCH_SIZE]
            text = dumps([{name: row[name] for name in self._names} for row in batch]).decode()
            yield self._sql, [text if each is _ROWS_AS_JSON else each for each in self._parameters]


def over_rows(engine: pw.Database, statement: Statement) -> BatchStatement | None:
    """Return a statement for many rows; None if a parameter has a type that JSON does not have."""
    fields = statement.fields
    if any(_type_of(field) is None for field in fields.values()):
        return None
    table = f"json_to_recordset(%s::json) AS {PARAMETER_ROWS} ({_columns(fields)})"
    return BatchStatement(fields, *_compile(engine, statement.query, table, PARAMETER_ROWS))


def guarded_over_rows(
    engine: pw.Database, statement: Statement, all_or_none: bool
) -> BatchStatement:
    """Return an UPDATE of many rows that returns the positions of the changed ones, from 1.

    With `all_or_none`, the UPDATE fails with NOT_ALL_CHANGED unless it has changed all rows.
    """
    fields = statement.fields
    numbered = f"ROWS FROM (json_to_recordset(%s::json) AS ({_columns(fields)})) WITH ORDINALITY"
    assert isinstance(statement.query, pw.Update)
    update = statement.query.returning(pw.SQL(f"{PARAMETER_ROWS}.ordinality"))
    update_sql, parameters = _compile(engine, update, PARAMETER_ROWS, PARAMETER_ROWS)
    sql = (
        f"WITH {PARAMETER_ROWS} AS MATERIALIZED (SELECT * FROM {numbered}), "
        f"{_CHANGED} AS ({update_sql}) "
        f"{_FAIL_UNLESS_ALL_CHANGED if all_or_none else _SELECT_POSITIONS}"
    )
    return BatchStatement(fields, sql, [_ROWS_AS_JSON, *parameters])


def _columns(fields: Mapping[str, pw.Field]) -> str:
    return ", ".join(f'"{name}" {_type_of(field)}' for name, field in fields.items())


def _type_of(field: pw.Field) -> str | None:
    return next((name for kind, name in _TYPES if isinstance(field, kind)), None)


def _compile(engine: pw.Database, query: pw.BaseQuery, rows: str, name: str) -> BoundStatement:
    """Return SQL and parameters of a query that reads its parameters from a table.

    `rows` is the SQL of the table, and `name` its name or alias.
    """
    table = pw.SQL(rows, [_ROWS_AS_JSON] * rows.count("%s"))
    context = engine.get_sql_context(parameter_table=name)
    sql, parameters = context.sql(reading_from(query, table)).query()
    return sql, parameters
