"""Queries whose text is made once, out of Peewee's own words. Imports nothing of ours.

To make the text of a query costs many times what it costs to run it. A query that is run for every
job is made once, with places instead of values:

    JobRow.update(progress=place(JobRow.progress)).where(JobRow.id == place(JobRow.id))

So each guard is written once, for both databases.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import peewee as pw

_GIVEN = "given"
"""The name of a table that has the values for the places of a query."""


@dataclass(frozen=True)
class _Place:
    name: str
    field: pw.Field

    def bound(self, values: Mapping[str, Any]) -> Any:
        value = values[self.name]
        return None if value is None else self.field.db_value(value)  # type: ignore[no-untyped-call]


class _Given(pw.Value):
    """A place in a query: a parameter, or the column of a table that has the values."""

    def __sql__(self, context: Any) -> Any:
        if context.state.places is None:
            return super().__sql__(context)  # type: ignore[no-untyped-call]
        return context.literal(f'{context.state.places}."{self.value.name}"')


def place(field: pw.Field, name: str = "") -> pw.Value:
    """Where a value of a field goes that is given later, by the name of the field or another."""
    return _Given(_Place(name or field.name, field), converter=False)


class Statement:
    """A query for one engine: its text, and what each of its parameters is."""

    def __init__(self, engine: Any, query: Any):
        self._engine, self._query = engine, query
        self.sql, self._parameters = query.bind(engine).sql()
        returned = list(getattr(query, "_returning", None) or ())
        self._uuids = [at for at, column in enumerate(returned) if isinstance(column, pw.UUIDField)]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The parameters, with values in their places."""
        return [
            each.bound(values) if isinstance(each, _Place) else each for each in self._parameters
        ]

    @cached_property
    def of_many(self) -> "ManyStatement | None":
        """The same change of many rows as one statement, None where that is not to be had."""
        if not isinstance(self._engine, pw.PostgresqlDatabase):
            return None
        places = {each.name: each.field for each in self._parameters if isinstance(each, _Place)}
        try:
            return ManyStatement(self._engine, self._query, places)
        except KeyError:
            return None

    def row(self, names: Sequence[str], found: Sequence[Any]) -> dict[str, Any]:
        """A row that the engine has found, as Peewee would give it."""
        row = dict(zip(names, found, strict=True))
        for at in self._uuids:
            row[names[at]] = _UUIDS.python_value(found[at])
        return row


class ManyStatement:
    """An INSERT or UPDATE for many rows at once, as PostgreSQL can take it: the values come as one
    text of JSON. A statement for each costs both sides twice as much, however they are sent."""

    def __init__(self, engine: Any, query: Any, places: Mapping[str, pw.Field]):
        """Raises KeyError if a place is of a type that JSON does not have."""
        columns = [f'"{name}" {_type_of(field)}' for name, field in places.items()]
        given = pw.SQL(f"json_to_recordset(%s::json) AS {_GIVEN} ({', '.join(columns)})", [_ALL])
        context = engine.get_sql_context(places=_GIVEN)
        self.sql, self._parameters = context.sql(_from(query, given)).query()
        self._names = list(places)

    def arguments(self, many: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The parameters, with the values of all rows."""
        rows = [{name: row[name] for name in self._names} for row in many]
        text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=_plain)
        return [text if each is _ALL else each for each in self._parameters]


def _from(query: Any, given: pw.SQL) -> Any:
    """The query with its places in the rows of another table."""
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


def _plain(value: Any) -> str:
    assert isinstance(value, UUID)
    return str(value)


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
