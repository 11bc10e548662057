"""The prepared statements of a search.

A guard is a mapping with the column `type`, with `type` and `status`, or an empty one: it selects a
range of an index. Only the statuses in UNSUCCESSFUL have such ranges.
"""

from collections.abc import Mapping
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, UploadRow
from storage.db.parameters import parameter, unindexed
from storage.jobs.open_queues import IS_QUEUED, IS_RUNNING, UNFINISHED
from storage.records.states import Status

UNSUCCESSFUL = frozenset({Status.FAILED, Status.CANCELED})
# A literal: a database uses a partial index only if it can prove the index's condition.
_IS_UNSUCCESSFUL = pw.SQL("status IN ('failed', 'canceled')")
_HAS_TYPE = pw.SQL("type <> ''")


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
    if not guard:
        return [JobRow.id >= start, JobRow.id < end]
    return [key >= start, key < end, _IS_UNSUCCESSFUL if "status" in guard else _HAS_TYPE]


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
    query = JobRow.select(JobRow.id).where(*_within(guard), *_chosen(database, names))
    return query.order_by(*_newest_first(guard))


def select_unfinished(database: Database, names: Mapping[str, Any], status: str) -> Any:
    """All ids of the jobs with a status that is not final, otherwise like `select_chosen`."""
    conditions = _is_unfinished(status), *_within({}), *_chosen(database, names)
    query = JobRow.select(JobRow.id).where(*conditions)
    return database.engine.by_index(query.order_by(JobRow.id.desc()), JobRow, UNFINISHED)


def select_count(database: Database, status: str, limit: int) -> Any:
    """The number of jobs with a status that is not final, up to a limit."""
    some = JobRow.select(JobRow.id).where(_is_unfinished(status)).limit(limit)
    some = database.engine.by_index(some, JobRow, UNFINISHED).alias("some")
    return pw.Select([some], [pw.fn.COUNT(pw.SQL("*")).alias("count")])


def _is_unfinished(status: str) -> pw.SQL:
    return IS_QUEUED if status == Status.QUEUED else IS_RUNNING


def _chosen(database: Database, names: Mapping[str, Any]) -> list[Any]:
    """The conditions of the named filters."""
    text = parameter(JobRow.payload, "text"), parameter(JobRow.payload, "quoted")
    named = UploadRow.select(UploadRow.id).where(
        UploadRow.id == JobRow.upload_id, database.engine.contains(UploadRow.name, text[0])
    )
    in_text = database.engine.contains(JobRow.payload, text[1]) | pw.fn.EXISTS(named)
    if "id_part" in names:
        digits = pw.fn.REPLACE(JobRow.id.cast("TEXT"), "-", "")
        in_text |= database.engine.contains(digits, parameter(JobRow.payload, "id_part"))
    conditions = {
        "created_after": JobRow.created_at >= parameter(JobRow.created_at, "created_after"),
        "created_before": JobRow.created_at < parameter(JobRow.created_at, "created_before"),
        "queue": JobRow.queue == parameter(JobRow.queue),
        "submitted_by": JobRow.submitted_by == parameter(JobRow.submitted_by),
        "text": in_text,
        "type": unindexed(JobRow.type) == parameter(JobRow.type),
        **{f"status {each}": unindexed(JobRow.status) == each for each in Status},
    }
    return [condition for name, condition in conditions.items() if name in names]


def select_type_after() -> Any:
    """The next type after `after`, in alphabetical order, that any job has."""
    after = JobRow.type > parameter(JobRow.type, "after")
    return JobRow.select(JobRow.type).where(after, _HAS_TYPE).order_by(JobRow.type).limit(1)
