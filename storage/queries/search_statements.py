"""The prepared statements of a search.

A guard is a mapping with the columns `type` and `status`, or an empty one: it selects a range of an
index.
"""

from collections.abc import Mapping
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, UploadRow
from storage.db.parameters import parameter


def _within(guard: Mapping[str, Any]) -> list[Any]:
    """The condition on ids between `least` and `before`, within the range of a guard.

    The guard and the id are compared as one row value, which is one range of the index. With
    separate conditions, PostgreSQL might walk the index on ids, and filter most of the jobs out.
    """
    columns = [getattr(JobRow, name) for name in guard]
    key = pw.Tuple(*columns, JobRow.id)
    start, end = (
        pw.Tuple(*(parameter(column) for column in columns), parameter(JobRow.id, name))
        for name in ("least", "before")
    )
    return [key >= start, key < end] if guard else [JobRow.id >= start, JobRow.id < end]


def _newest_first(guard: Mapping[str, Any]) -> list[Any]:
    return [getattr(JobRow, name).desc() for name in guard] + [JobRow.id.desc()]


def select_ids(guard: Mapping[str, Any], count: int) -> Any:
    """Up to `count` ids between `least` and `before`, newest first, within the range of a guard."""
    ids = JobRow.select(JobRow.id).where(*_within(guard))
    return ids.order_by(*_newest_first(guard)).limit(count)


def select_last(guard: Mapping[str, Any], count: int) -> Any:
    """The oldest id that `select_ids` would find, as text, or null. Texts sort like their ids."""
    some = select_ids(guard, count).alias("some")
    return pw.Select([some], [pw.fn.MIN(some.c.id.cast("TEXT")).alias("id")])


def select_chosen(database: Database, guard: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    """All ids between `least` and `before` that match the named filters, newest first."""
    text = parameter(JobRow.payload, "text"), parameter(JobRow.payload, "quoted")
    named = UploadRow.select(UploadRow.id).where(
        UploadRow.id == JobRow.upload_id, database.contains(UploadRow.name, text[0])
    )
    in_text = database.contains(JobRow.payload, text[1]) | pw.fn.EXISTS(named)
    if "id_part" in names:
        digits = pw.fn.REPLACE(JobRow.id.cast("TEXT"), "-", "")
        in_text |= database.contains(digits, parameter(JobRow.payload, "id_part"))
    conditions = {
        "created_after": JobRow.created_at >= parameter(JobRow.created_at, "created_after"),
        "created_before": JobRow.created_at < parameter(JobRow.created_at, "created_before"),
        "queue": JobRow.queue == parameter(JobRow.queue),
        "submitted_by": JobRow.submitted_by == parameter(JobRow.submitted_by),
        "text": in_text,
    }
    chosen = [condition for name, condition in conditions.items() if name in names]
    query = JobRow.select(JobRow.id).where(*_within(guard), *chosen)
    return query.order_by(*_newest_first(guard))


def select_type_after() -> Any:
    """The next type after `after`, in alphabetical order, that any job has."""
    after = JobRow.type > parameter(JobRow.type, "after")
    return JobRow.select(JobRow.type).where(after).order_by(JobRow.type).limit(1)
