"""The series of a result: the numbers of lines with a level, a template or a value over time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loganalysis.read.json_values import JsonValue

_KINDS = {"levels": "level", "statuses": "status", "templates": "template"}
_MOST_NUMBERS = 50
"""A field of numbers with more distinct values has no values that could be a cause."""


@dataclass(frozen=True)
class Series:
    """The lines of one kind, one number for each bin of the timeline.

    `kind` is level, status, template or field, and `field` the name of a field. `key` is the name
    of the level or status class, the id of the template, or the value of the field. A field may
    have more values in a bin than memory can hold: `errors` has how much too low each number can
    be.
    """

    kind: str
    field: str
    key: str
    row: Sequence[int]
    errors: Sequence[int] = ()


@dataclass(frozen=True)
class Quantiles:
    """The 95th percentile of a field of numbers in each bin, None without a number, and the lines
    that have the field."""

    field: str
    p95: Sequence[float | None]
    counts: Sequence[int]


def series_of(result: Mapping[str, JsonValue]) -> list[Series]:
    """The series of a result that has a timeline."""
    timeline = result["timeline"]
    found = [
        Series(kind, "", key, row)
        for name, kind in _KINDS.items()
        for key, row in timeline.get(name, {}).items()
    ]
    for name, field in _over_time(result):
        if field["number"] is None or field["distinct"] <= _MOST_NUMBERS:
            over_time = field["over_time"]
            errors = over_time["top_errors"]
            found += [
                Series("field", name, each["value"], each["counts"], errors)
                for each in over_time["top"]
            ]
    return found


def quantiles_of(result: Mapping[str, JsonValue]) -> list[Quantiles]:
    """The 95th percentiles over time of the fields of a result that are numbers, not codes."""
    return [
        Quantiles(name, over_time["p95"], over_time["count"])
        for name, field in _over_time(result)
        if (over_time := field["over_time"])["p95"] and field["distinct"] > _MOST_NUMBERS
    ]


def _over_time(result: Mapping[str, JsonValue]) -> Iterator[tuple[str, Any]]:
    fields = result.get("fields", {})
    yield from ((name, field) for name, field in fields.items() if "over_time" in field)
