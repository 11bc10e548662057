"""Which queued jobs are due. Each query reads no more of the queue than it returns."""

from collections.abc import Iterator
from typing import Any

import peewee as pw

from storage.database import Database
from storage.models import JobRow
from storage.statements import place

# As a literal, since an engine uses a partial index only where it can prove its condition.
IS_QUEUED = pw.SQL("status = 'queued'")
_ABOVE_ALL = 1 << 30


def next_run_at(database: Database) -> int | None:
    """When the next queued job falls due or fell due, in milliseconds; None if none is queued."""
    found = database.fetch(database.statement("next", lambda: _select_next(database)), {})
    return found[0]["run_at"] if found else None


def due_jobs(database: Database, now: int, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` due jobs (`id`, `attempt`, `retry_count`, `max_retries`), the highest priority
    first, then the longest due; locked for this transaction.

    One priority after the other, so that no job that is put off is looked at.
    """
    found: list[dict[str, Any]] = []
    for priority in priorities_above(database, -_ABOVE_ALL):
        found += _due_of(database, priority, now, limit - len(found))
        if len(found) == limit:
            break
    return found


def priorities_above(database: Database, least: int) -> Iterator[int]:
    """The priorities above this one that queued jobs have, from the highest."""
    priority = _priority_below(database, _ABOVE_ALL)
    while priority is not None and priority > least:
        yield priority
        priority = _priority_below(database, priority)


def _due_of(database: Database, priority: int, now: int, limit: int) -> list[dict[str, Any]]:
    due = database.statement(("due", limit), lambda: _select_due(database, limit))
    return database.fetch(due, {"priority": priority, "now": now})


def _priority_below(database: Database, priority: int) -> int | None:
    """The next priority that queued jobs have."""
    below = database.statement("priority", lambda: _select_priority(database))
    found = database.fetch(below, {"above": priority})
    return found[0]["priority"] if found else None


def _select_next(database: Database) -> Any:
    query = JobRow.select(JobRow.run_at).where(IS_QUEUED).order_by(JobRow.run_at).limit(1)
    return database.by_index(query, JobRow, "job_run_at")


def _select_priority(database: Database) -> Any:
    below = JobRow.priority < place(JobRow.priority, "above")
    query = JobRow.select(JobRow.priority).where(IS_QUEUED, below)
    ordered = query.order_by(JobRow.priority.desc()).limit(1)
    return database.by_index(ordered, JobRow, "job_due")


def _select_due(database: Database, limit: int) -> Any:
    due = (
        JobRow.select(JobRow.id, JobRow.attempt, JobRow.retry_count, JobRow.max_retries)
        .where(
            IS_QUEUED,
            JobRow.priority == place(JobRow.priority),
            JobRow.run_at <= place(JobRow.run_at, "now"),
        )
        .order_by(JobRow.run_at, JobRow.id)
        .limit(limit)
    )
    return database.for_update(database.by_index(due, JobRow, "job_due"))
