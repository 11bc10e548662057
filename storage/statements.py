"""Queries whose text is made once, out of Peewee's own words. Imports nothing of ours.

To make the text of a query costs many times what it costs to run it. A query that is run for every
job is made once, with places instead of values:

    JobRow.update(progress=place(JobRow.progress)).where(JobRow.id == place(JobRow.id))

So each guard is written once, for both databases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import peewee as pw


@dataclass(frozen=True)
class _Place:
    name: str
    field: pw.Field

    def bound(self, values: Mapping[str, Any]) -> Any:
        value = values[self.name]
        return None if value is None else self.field.db_value(value)  # type: ignore[no-untyped-call]


def place(field: pw.Field, name: str = "") -> pw.Value:
    """Where a value of a field goes that is given later, by the name of the field or another."""
    return pw.Value(_Place(name or field.name, field), converter=False)


class Statement:
    """A query for one engine: its text, and what each of its parameters is."""

    def __init__(self, engine: Any, query: Any):
        self.sql, self._parameters = query.bind(engine).sql()
        returned = list(getattr(query, "_returning", None) or ())
        self._uuids = [at for at, column in enumerate(returned) if isinstance(column, pw.UUIDField)]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The parameters, with values in their places."""
        return [
            each.bound(values) if isinstance(each, _Place) else each for each in self._parameters
        ]

    def row(self, names: Sequence[str], found: Sequence[Any]) -> dict[str, Any]:
        """A row that the engine has found, as Peewee would give it."""
        row = dict(zip(names, found, strict=True))
        for at in self._uuids:
            row[names[at]] = _UUIDS.python_value(found[at])
        return row


_UUIDS = pw.UUIDField()
