"""Queries for the due jobs of one queue. Each reads only the rows of a queue that it returns.

On PostgreSQL, candidates are locked by advisory locks, so that concurrent claimers find different
jobs. These locks only stop other claimers; other writers are not blocked. Locking takes one
statement and reading another: a statement sees the rows as they were when it began, and another
claimer may have changed a row before it released the lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import peewee as pw

from storage.db.database import Database, Queries
from storage.db.models import JobRow
from storage.db.parameters import parameter, unindexed
from storage.jobs.open_queues import IS_QUEUED, UNFINISHED
from storage.records.states import Status

_ABOVE_ALL_PRIORITIES = 1 << 30
_LOCKED_KEYS = "job_service.locked_candidates"
"""Setting that holds the ids of the locked candidates until the end of the transaction or the next
lock."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class DueQuery:
    """Finds up to `limit` jobs that are due `now` and that no other runner is about to claim.

    On PostgreSQL the jobs are locked for the transaction.
    """

    database: Database
    now: int
    limit: int


def due_in_queue(query: DueQuery, queue: str, room: int, fetched: Rows | None) -> Rows:
    """Return due jobs of a queue, one priority after the other.

    This way, jobs that are not due yet are never read. `fetched` holds the due jobs of the
    highest priority, if they were already queried.
    """
    found = _due_with_priority(query, queue, None, room) if fetched is None else fetched
    if len(found) == room:
        return found
    above = found[0]["priority"] if found else _ABOVE_ALL_PRIORITIES
    for priority in _priorities_below(query.database, queue, above):
        found += _due_with_priority(query, queue, priority, room - len(found))
        if len(found) == room:
            break
    return found


def priorities_above(database: Database, queue: str, least: int) -> Iterator[int]:
    """Yield the priorities above `least` of the queued jobs of a queue, from the highest."""
    return takewhile(lambda priority: priority > least, _priorities_below(database, queue))


def _priorities_below(
    database: Database, queue: str, above: int = _ABOVE_ALL_PRIORITIES
) -> Iterator[int]:
    """Yield the priorities below `above` of the queued jobs of a queue, from the highest."""
    next_priority = database.statement("priority", lambda: _highest_priority(database))
    while rows := database.fetch(next_priority, {"queue": queue, "above": above}):
        above = rows[0]["priority"]
        yield above


def _due_with_priority(query: DueQuery, queue: str, priority: int | None, room: int) -> Rows:
    """Return due jobs with this priority, or with the queue's highest priority if it is None."""
    return query.database.fetch_each(due_statements(query, queue, priority, room))[-1]


def due_statements(query: DueQuery, queue: str, priority: int | None, room: int) -> Queries:
    """Return the statements for up to `room` due jobs of a queue; the last one returns the rows.

    With `priority` None, it selects the highest priority that queued jobs of the queue have.
    """
    database, has_priority = query.database, priority is not None
    values = {
        "queue": queue,
        "priority": priority,
        "above": _ABOVE_ALL_PRIORITIES,
        "now": query.now,
    }
    if not database.postgresql:
        due = database.statement(
            ("due", has_priority, room), lambda: _select_due(database, has_priority, room)
        )
        return [(due, values)]
    key = ("lock candidates", has_priority, room)
    lock = database.statement(
        key, lambda: try_lock_rows(_select_due(database, has_priority, room, JobRow.id), JobRow.id)
    )
    return [(lock, values), (database.statement("locked candidates", _select_locked), {})]


def _highest_priority(database: Database) -> Any:
    """Return the subquery for the highest priority below another of a queue's queued jobs."""
    job = JobRow.alias("highest")
    is_in_queue = IS_QUEUED, job.queue == parameter(JobRow.queue)
    query = job.select(job.priority).where(
        *is_in_queue, job.priority < parameter(JobRow.priority, "above")
    )
    return database.engine.by_index(query.order_by(job.priority.desc()).limit(1), job, UNFINISHED)


def _select_due(database: Database, has_priority: bool, room: int, *columns: Any) -> Any:
    priority = parameter(JobRow.priority) if has_priority else _highest_priority(database)
    queued = IS_QUEUED, JobRow.queue == parameter(JobRow.queue), JobRow.priority == priority
    due = JobRow.select(*columns).where(*queued, JobRow.run_at <= parameter(JobRow.run_at, "now"))
    ordered = due.order_by(JobRow.run_at, JobRow.id).limit(room)
    return database.engine.by_index(ordered, JobRow, UNFINISHED)


def _select_locked() -> Any:
    """Select the locked candidates that were not claimed meanwhile."""
    return JobRow.select().where(
        unindexed(JobRow.status) == Status.QUEUED, is_locked_row(JobRow.id)
    )


def try_lock_rows(query: Any, key: pw.Field) -> Any:
    """Return a query that tries to lock the rows of a query for UUID keys.

    It skips rows that other transactions have locked.
    """
    is_free = pw.fn.pg_try_advisory_xact_lock(pw.fn.uuid_hash_extended(key, 0))
    locked = query.where(is_free).alias("locked")
    keys = pw.fn.string_agg(locked.c[key.column_name].cast("text"), ",")
    return pw.Select([locked], [pw.fn.set_config(_LOCKED_KEYS, pw.fn.COALESCE(keys, ""), True)])


def is_locked_row(key: pw.Field) -> Any:
    """Return the condition that the transaction's last `try_lock_rows` has locked the row."""
    keys = pw.SQL(f"string_to_array(current_setting('{_LOCKED_KEYS}'), ',')::uuid[]")
    return key == pw.fn.ANY(keys)
