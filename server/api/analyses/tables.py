"""The tables of a result and of a comparison, for reports and for CSV."""

from collections.abc import Mapping

import loganalysis
from loganalysis import Table as Table
from server.api.analyses.comparison_document import ComparisonDocument
from storage.records.json_values import JsonValue

_COMPARED = (
    "change",
    "significant",
    "kind",
    "field",
    "name",
    "before",
    "before_is_bound",
    "after",
    "after_is_bound",
    "ratio",
    "ratio_per_hour",
    "p",
)


def tables_of(
    result: Mapping[str, JsonValue], comparison: ComparisonDocument | None = None
) -> list[Table]:
    """Return the tables of a result that have rows, and then the table of its comparison."""
    tables = loganalysis.tables_of(result)
    changes = comparison_table(comparison)
    return [*tables, changes] if changes else tables


def comparison_table(comparison: ComparisonDocument | None) -> Table | None:
    """Return all counts of a comparison as a table; None without any."""
    if comparison is None or not comparison["counts"]:
        return None
    rows = [[each[name] for name in _COMPARED] for each in comparison["counts"]]  # type: ignore[literal-required]
    return Table("comparison", "Changes", _COMPARED, rows)
