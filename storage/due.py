"""Which queued jobs are due. Each query reads no more of a queue than it returns."""

from collections.abc import Iterator, Sequence
from typing import Any

from storage.database import Database
from storage.lanes import IS_QUEUED, Lane
from storage.models import JobRow
from storage.statements import place

_ABOVE_ALL = 1 << 30


def due_jobs(
    database: Database, lanes: Sequence[Lane], now: int, limit: int
) -> list[dict[str, Any]]:
    """Up to `limit` due jobs of these lanes, the highest priority first, then the longest due, and
    no more of a lane than it has room for; locked for this transaction.

    Each has `id`, `queue`, `priority`, `run_at`, `attempt`, `retry_count` and `max_retries`.
    """
    found: list[dict[str, Any]] = []
    for lane in lanes:
        if lane.next_run_at <= now:
            found += _due_in(database, lane.queue, now, lane.fits(limit))
    if len(lanes) > 1:
        found.sort(key=_claimed_first)
    return found[:limit]


def _claimed_first(row: dict[str, Any]) -> tuple[Any, ...]:
    return -row["priority"], row["run_at"], row["id"]


def _due_in(database: Database, queue: str, now: int, limit: int) -> list[dict[str, Any]]:
    """One priority after the other, so that no job that is put off is looked at."""
    found: list[dict[str, Any]] = []
    for priority in priorities_above(database, queue, -_ABOVE_ALL):
        found += _due_of(database, queue, priority, now, limit - len(found))
        if len(found) == limit:
            break
    return found


def priorities_above(database: Database, queue: str, least: int) -> Iterator[int]:
    """The priorities above this one that queued jobs of a queue have, from the highest."""
    priority = _priority_below(database, queue, _ABOVE_ALL)
    while priority is not None and priority > least:
        yield priority
        priority = _priority_below(database, queue, priority)


def _due_of(
    database: Database, queue: str, priority: int, now: int, limit: int
) -> list[dict[str, Any]]:
    due = database.statement(("due", limit), lambda: _select_due(database, limit))
    return database.fetch(due, {"queue": queue, "priority": priority, "now": now})


def _priority_below(database: Database, queue: str, priority: int) -> int | None:
    """The next priority that queued jobs of a queue have."""
    below = database.statement("priority", lambda: _select_priority(database))
    found = database.fetch(below, {"queue": queue, "above": priority})
    return found[0]["priority"] if found else None


def _select_priority(database: Database) -> Any:
    mine, below = (
        JobRow.queue == place(JobRow.queue),
        JobRow.priority < place(JobRow.priority, "above"),
    )
    query = JobRow.select(JobRow.priority).where(IS_QUEUED, mine, below)
    ordered = query.order_by(JobRow.priority.desc()).limit(1)
    return database.by_index(ordered, JobRow, "job_due")


def _select_due(database: Database, limit: int) -> Any:
    due = (
        JobRow.select(
            JobRow.id,
            JobRow.queue,
            JobRow.priority,
            JobRow.run_at,
            JobRow.attempt,
            JobRow.retry_count,
            JobRow.max_retries,
        )
        .where(
            IS_QUEUED,
            JobRow.queue == place(JobRow.queue),
            JobRow.priority == place(JobRow.priority),
            JobRow.run_at <= place(JobRow.run_at, "now"),
        )
        .order_by(JobRow.run_at, JobRow.id)
        .limit(limit)
    )
    return database.for_update(database.by_index(due, JobRow, "job_due"))
