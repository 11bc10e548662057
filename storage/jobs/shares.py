"""Whether the store may take one more of what callers create, such as pattern sets."""

from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.records.shares import NoRoom, require_room


def require_row_room(
    database: Database, model: Any, limit: int, sharer: str | None, error: type[NoRoom]
) -> None:
    """Raise the error if a table has no room for one more row, as `require_room` says.

    `sharer` is the caller who creates it; None if it may use all that others leave.
    """
    own = pw.fn.COUNT(pw.Case(None, [(model.created_by == sharer, 1)]))
    counts = model.select(pw.fn.COUNT(model.name).alias("used"), own.alias("own"))
    found = database.rows(counts)[0]
    require_room(limit, found["used"], None if sharer is None else found["own"], error)
