"""Which queued jobs are due. Each query reads no more of a queue than it returns."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from storage.database import Database
from storage.lanes import IS_QUEUED, Lane
from storage.models import JobRow
from storage.places import place
from storage.statements import Statement

_ABOVE_ALL = 1 << 30
Rows = list[dict[str, Any]]


def due_jobs(
    database: Database, lanes: Sequence[Lane], now: int, limit: int, known: dict[str, Rows]
) -> Rows:
    """Due jobs of these lanes, the highest priority first, then the longest due; of each lane up to
    `limit`, and no more than it has room for; locked for this transaction.

    Each has all columns of a job. `known` is what was asked already, by `due_asked`.
    """
    due: Rows = []
    for lane in lanes:
        if lane.next_run_at <= now:
            room = lane.fits(limit)
            first = known.get(lane.queue) if room == limit else None
            due += _due_in(database, lane.queue, now, room, first)
    if len(lanes) > 1:
        due.sort(key=_claimed_first)
    return due


def can_wait(rows: Sequence[dict[str, Any]], lanes: Sequence[Lane]) -> Rows:
    """Those that may wait behind others: one of a limited queue would take the place of a job that
    another runner could start at once."""
    limited = {lane.queue for lane in lanes if lane.room is not None}
    retried = [row for row in rows if row["retry_count"] < row["max_retries"]]
    return [row for row in retried if row["queue"] not in limited]


def _claimed_first(row: dict[str, Any]) -> tuple[Any, ...]:
    return -row["priority"], row["run_at"], row["id"]


def _due_in(database: Database, queue: str, now: int, limit: int, known: Rows | None) -> Rows:
    """One priority after the other, so that no job that is put off is looked at. Those of the
    highest may be known."""
    found = _due_of(database, queue, None, now, limit) if known is None else known
    if len(found) == limit:
        return found
    above = found[0]["priority"] if found else _ABOVE_ALL
    for priority in _priorities_below(database, queue, above):
        found += _due_of(database, queue, priority, now, limit - len(found))
        if len(found) == limit:
            break
    return found


def priorities_above(database: Database, queue: str, least: int) -> Iterator[int]:
    """The priorities above this one that queued jobs of a queue have, from the highest."""
    return takewhile(lambda priority: priority > least, _priorities_below(database, queue))


def _priorities_below(database: Database, queue: str, above: int = _ABOVE_ALL) -> Iterator[int]:
    """The priorities below this one that queued jobs of a queue have, from the highest."""
    below = database.statement("priority", lambda: _highest(database))
    while found := database.fetch(below, {"queue": queue, "above": above}):
        above = found[0]["priority"]
        yield above


def _due_of(database: Database, queue: str, priority: int | None, now: int, limit: int) -> Rows:
    """Due jobs of one priority, or of the highest that queued jobs of the queue have."""
    return database.fetch(*due_asked(database, queue, priority, now, limit))


def due_asked(
    database: Database, queue: str, priority: int | None, now: int, limit: int
) -> tuple[Statement, dict[str, Any]]:
    """What to ask for the due jobs of a queue, of one priority or the highest."""
    is_given = priority is not None
    due = database.statement(
        ("due", is_given, limit), lambda: _select_due(database, is_given, limit)
    )
    values = {"queue": queue, "priority": priority, "above": _ABOVE_ALL, "now": now}
    return due, values


def _highest(database: Database) -> Any:
    """The highest priority below another that queued jobs of a queue have."""
    job = JobRow.alias("highest")
    mine = IS_QUEUED, job.queue == place(JobRow.queue)
    query = job.select(job.priority).where(*mine, job.priority < place(JobRow.priority, "above"))
    return database.by_index(query.order_by(job.priority.desc()).limit(1), job, "job_due")


def _select_due(database: Database, is_given: bool, limit: int) -> Any:
    priority = place(JobRow.priority) if is_given else _highest(database)
    mine = IS_QUEUED, JobRow.queue == place(JobRow.queue), JobRow.priority == priority
    due = JobRow.select().where(*mine, JobRow.run_at <= place(JobRow.run_at, "now"))
    ordered = due.order_by(JobRow.run_at, JobRow.id).limit(limit)
    return database.for_update(database.by_index(ordered, JobRow, "job_due"))
