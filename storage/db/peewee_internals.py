"""The undocumented parts of Peewee that the store uses. Tested with Peewee 4.5.

`tests/storage/db/test_peewee_internals.py` fails if a release of Peewee changes them. Documented,
and therefore used elsewhere too: `Model._meta`, and the overridden methods of a `Database`.
"""

from typing import Any

import peewee as pw

DRIVER_ERRORS = pw.__exception_wrapper__  # type: ignore[attr-defined]
"""Context manager that turns errors of the drivers into those of Peewee."""
SQLITE_VERSION: tuple[int, int, int] = pw.sqlite3.sqlite_version_info  # type: ignore[attr-defined]
"""The version of the SQLite that Peewee has chosen."""


def returned_fields(query: Any) -> list[pw.Node]:
    """Return the columns that a SELECT, or a change with RETURNING, returns; none without them.

    A column with another name is returned as it is without that name.
    """
    columns = getattr(query, "_returning", None) or ()
    return [each.node if isinstance(each, pw.Alias) else each for each in columns]


def reading_from(query: Any, rows: pw.SQL) -> Any:
    """Return an INSERT of one row or an UPDATE as one that reads its values from a table."""
    if isinstance(query, pw.Update):
        return query.from_(rows)
    inserted = query.clone()
    inserted._columns = list(query._insert)
    inserted._insert = pw.Select([rows], list(query._insert.values()))
    return inserted
