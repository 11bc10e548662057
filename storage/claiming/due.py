"""Which queued jobs are due. Each query reads no more of a queue than it returns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from storage.claiming.due_jobs import is_locked_row, try_lock_rows
from storage.db.database import Database
from storage.db.fetching import Queries
from storage.db.models import JobRow
from storage.db.parameters import parameter, unindexed
from storage.jobs.open_queues import IS_QUEUED, OpenQueue
from storage.records.states import Status

_ABOVE_ALL = 1 << 30
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class DueQuery:
    """What is asked for: up to `limit` jobs that are due `now`, and that no other runner is about
    to claim; for this transaction they are set aside."""

    database: Database
    now: int
    limit: int


def due_jobs(asking: DueQuery, lanes: Sequence[OpenQueue], known: dict[str, Rows]) -> Rows:
    """Due jobs of these lanes, the highest priority first, then the longest due; of each lane up to
    the limit, and no more than it has room for.

    Each has all columns of a job. `known` is what was asked already, by `due_statements`.
    """
    due: Rows = []
    for lane in lanes:
        if lane.next_run_at <= asking.now:
            room = lane.fits(asking.limit)
            first = known.get(lane.queue) if room == asking.limit else None
            due += _due_in(asking, lane.queue, room, first)
    return sorted(due, key=_claimed_first)[: asking.limit]


def prefetchable(rows: Sequence[dict[str, Any]], lanes: Sequence[OpenQueue]) -> Rows:
    """Those that may wait behind others: one of a limited queue would take the place of a job that
    another runner could start at once."""
    limited = {lane.queue for lane in lanes if lane.room is not None}
    retried = [row for row in rows if row["retry_count"] < row["max_retries"]]
    return [row for row in retried if row["queue"] not in limited]


def _claimed_first(row: dict[str, Any]) -> tuple[Any, ...]:
    return -row["priority"], row["run_at"], row["id"]


def _due_in(asking: DueQuery, queue: str, room: int, known: Rows | None) -> Rows:
    """One priority after the other, so that no job that is put off is looked at. Those of the
    highest may be known."""
    found = _due_of(asking, queue, None, room) if known is None else known
    if len(found) == room:
        return found
    above = found[0]["priority"] if found else _ABOVE_ALL
    for priority in _priorities_below(asking.database, queue, above):
        found += _due_of(asking, queue, priority, room - len(found))
        if len(found) == room:
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


def _due_of(asking: DueQuery, queue: str, priority: int | None, room: int) -> Rows:
    """Due jobs of one priority, or of the highest that queued jobs of the queue have."""
    return asking.database.fetch_each(due_statements(asking, queue, priority, room))[-1]


def due_statements(asking: DueQuery, queue: str, priority: int | None, room: int) -> Queries:
    """What to ask for so many due jobs of a queue, of one priority or the highest: the last of the
    statements gives them."""
    database, is_given = asking.database, priority is not None
    values = {"queue": queue, "priority": priority, "above": _ABOVE_ALL, "now": asking.now}
    if not database.postgresql:
        due = database.statement(
            ("due", is_given, room), lambda: _select_due(database, is_given, room)
        )
        return [(due, values)]
    key = ("set aside", is_given, room)
    some = database.statement(
        key, lambda: try_lock_rows(_select_due(database, is_given, room, JobRow.id), JobRow.id)
    )
    return [(some, values), (database.statement("aside", _select_aside), {})]


def _highest(database: Database) -> Any:
    """The highest priority below another that queued jobs of a queue have."""
    job = JobRow.alias("highest")
    mine = IS_QUEUED, job.queue == parameter(JobRow.queue)
    query = job.select(job.priority).where(
        *mine, job.priority < parameter(JobRow.priority, "above")
    )
    return database.by_index(query.order_by(job.priority.desc()).limit(1), job, "job_due")


def _select_due(database: Database, is_given: bool, room: int, *columns: Any) -> Any:
    priority = parameter(JobRow.priority) if is_given else _highest(database)
    mine = IS_QUEUED, JobRow.queue == parameter(JobRow.queue), JobRow.priority == priority
    due = JobRow.select(*columns).where(*mine, JobRow.run_at <= parameter(JobRow.run_at, "now"))
    ordered = due.order_by(JobRow.run_at, JobRow.id).limit(room)
    return database.by_index(ordered, JobRow, "job_due")


def _select_aside() -> Any:
    """What was set aside, without what had just been claimed."""
    return JobRow.select().where(
        unindexed(JobRow.status) == Status.QUEUED, is_locked_row(JobRow.id)
    )
