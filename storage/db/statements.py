"""Queries whose text is made once, out of Peewee's own words.

To make the text of a query costs many times what it costs to run it. A query that is run for every
job is made once, with places instead of values:

    JobRow.update(progress=place(JobRow.progress)).where(JobRow.id == place(JobRow.id))

So each guard is written once, for both databases. See also `storage/db/parameters.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import peewee as pw

from storage.db.parameters import GIVEN, Parameter

MANY = 100
"""Rows that one statement changes at most."""
_CHANGED = "changed"
"""The name of a table of what a query has changed."""
_AT = f"SELECT ordinality FROM {_CHANGED}"
NOT_ALL = "22P02"
"""The state in which a server ends a transaction for what is no number."""
# Where not all are changed, a text that is none: it is what the server logs.
_NOTHING_IF_ALL = (
    f"SELECT 1 FROM (SELECT COUNT(*) AS changed FROM {_CHANGED}) AS of, "
    f"(SELECT COUNT(*) AS hoped FROM {GIVEN}) AS all_given WHERE changed < hoped AND "
    "0 = (changed || ' rows of ' || hoped || ' are as was hoped, so all is tried again')::integer"
)


def in_some(many: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Rows as one statement takes them, one part after the other."""
    return (many[start : start + MANY] for start in range(0, len(many), MANY))


class Statement:
    """A query for one engine: its text, and what each of its parameters is."""

    def __init__(self, engine: Any, query: Any):
        self._engine, self._query = engine, query
        self.sql, self._parameters = query.bind(engine).sql()
        returned = list(getattr(query, "_returning", None) or ())
        self._getters = [
            each.getter() if isinstance(each, Parameter) else partial(_constant, each)
            for each in self._parameters
        ]
        self._uuids = [at for at, column in enumerate(returned) if isinstance(column, pw.UUIDField)]
        self._followed: dict[Statement, ManyStatement] = {}

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The parameters, with values in their places."""
        return [get(values) for get in self._getters]

    @cached_property
    def of_many(self) -> "ManyStatement | None":
        """The same change of many rows as one statement, None where that is not to be had."""
        if not isinstance(self._engine, pw.PostgresqlDatabase):
            return None
        try:
            given = _Rows(self._places())
        except KeyError:
            return None
        return ManyStatement(given, *_in_rows(self._engine, self._query, given.sql, GIVEN))

    @cached_property
    def of_all(self) -> "ManyStatement":
        """The same on PostgreSQL, which fails as NOT_ALL, unless it changes all of the rows."""
        given = _Rows(self._places())
        changes, parameters = self._change_given(pw.SQL("1"))
        sql = f"WITH {given.as_given}, {changes} {_NOTHING_IF_ALL}"
        return ManyStatement(given, sql, [_ALL, *parameters])

    def followed_by(self, second: "Statement") -> "ManyStatement | None":
        """This change of many rows, and a second one of those that it has changed, as one statement
        that gives the places of these among the rows, from 1; None where that is not to be had."""
        if not isinstance(self._engine, pw.PostgresqlDatabase):
            return None
        if second not in self._followed:
            self._followed[second] = self._and_then(second)
        return self._followed[second]

    def texts(self, many: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
        """What changes many rows: a few statements, or one for each; with their parameters."""
        if len(many) > 1 and (whole := self.of_many):
            return whole.texts(many)
        return ((self.sql, self.arguments(each)) for each in many)

    def _and_then(self, second: "Statement") -> "ManyStatement":
        given = _Rows(self._places() | second._places())
        first, parameters = self._change_given(pw.SQL(f"{GIVEN}.*"))
        next_sql, next_parameters = _in_rows(self._engine, second._query, _CHANGED, _CHANGED)
        sql = f"WITH {given.as_given}, {first}, followed AS ({next_sql}) {_AT}"
        return ManyStatement(given, sql, [_ALL, *parameters, *next_parameters])

    def _change_given(self, returned: pw.SQL) -> tuple[str, list[Any]]:
        """The part of a statement that changes the rows that are given, and its parameters."""
        query = self._query.returning(returned)
        sql, parameters = _in_rows(self._engine, query, GIVEN, GIVEN)
        return f"{_CHANGED} AS ({sql})", parameters

    def _places(self) -> dict[str, pw.Field]:
        return {each.name: each.field for each in self._parameters if isinstance(each, Parameter)}

    def rows(self, names: Sequence[str], found: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Rows that the engine has found, as Peewee would give them."""
        rows = [dict(zip(names, each, strict=True)) for each in found]
        for name in [names[at] for at in self._uuids]:
            for row in rows:
                row[name] = _UUIDS.python_value(row[name])
        return rows


class ManyStatement:
    """An INSERT or UPDATE for many rows at once, as PostgreSQL can take it: the values come as one
    text of JSON. A statement for each costs both sides twice as much, however they are sent."""

    def __init__(self, given: "_Rows", sql: str, parameters: Sequence[Any]):
        self.sql, self._given, self._parameters = sql, given, parameters

    def texts(self, many: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
        """The statement with the values of some rows after the other, see `in_some`."""
        for rows in in_some(many):
            text = self._given.text(rows)
            yield self.sql, [text if each is _ALL else each for each in self._parameters]


class _Rows:
    """Rows of values as a table, and as the text of JSON that it is made from."""

    def __init__(self, places: Mapping[str, pw.Field]):
        """Raises KeyError if a place is of a type that JSON does not have."""
        columns = ", ".join(f'"{name}" {_type_of(field)}' for name, field in places.items())
        self.sql = f"json_to_recordset(%s::json) AS {GIVEN} ({columns})"
        numbered = f"ROWS FROM (json_to_recordset(%s::json) AS ({columns})) WITH ORDINALITY"
        self.as_given = f"{GIVEN} AS MATERIALIZED (SELECT * FROM {numbered})"
        self._names = list(places)

    def text(self, many: Sequence[Mapping[str, Any]]) -> str:
        """The rows as JSON."""
        from orjson import dumps  # not above: SQLite does without

        return dumps([{name: row[name] for name in self._names} for row in many]).decode()


def _constant(value: Any, _: Mapping[str, Any]) -> Any:
    return value


def _in_rows(engine: Any, query: Any, rows: str, name: str) -> tuple[str, list[Any]]:
    """Text and parameters of a query with its places in the rows of another table, of a name."""
    given = pw.SQL(rows, [_ALL] * rows.count("%s"))
    sql, parameters = engine.get_sql_context(places=name).sql(_from(query, given)).query()
    return sql, parameters


def _from(query: Any, given: pw.SQL) -> Any:
    if isinstance(query, pw.Update):
        return query.from_(given)
    inserted = query.clone()
    inserted._columns = list(query._insert)
    inserted._insert = pw.Select([given], list(query._insert.values()))
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
_ALL = object()
"""Where the values of all rows go."""
_UUIDS = pw.UUIDField()
