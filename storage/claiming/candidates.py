"""Finds the due jobs that a claim takes: by priority, from open queues, in few round trips.

Each query reads only the rows of a queue that it returns.

On PostgreSQL, candidates are locked by advisory locks, so that concurrent claimers find different
jobs. These locks only stop other claimers; other writers are not blocked. Locking takes one
statement and reading another: a statement sees the rows as they were when it began, and another
claimer may have changed a row before it released the lock.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, takewhile
from typing import NamedTuple

import peewee as pw

from storage.claiming.fitting import fitting, postponed
from storage.db.database import Database, Queries
from storage.db.models import JobRow
from storage.db.parameters import parameter, unindexed
from storage.db.statements import Row
from storage.jobs.open_queues import (
    IS_QUEUED,
    UNFINISHED,
    OpenQueue,
    has_ended,
    open_queues_from,
    open_queues_query,
)
from storage.liveness.liveness import Liveness
from storage.records.job_limits import WorkerLimits
from storage.records.states import Status

MAX_LOCKED_CANDIDATES = 100
"""Maximum number of candidates that a claim locks. Each takes a slot in the server's lock table,
which by default has 64 slots per allowed connection."""
_ABOVE_ALL_PRIORITIES = 1 << 30
BELOW_ALL_PRIORITIES = -_ABOVE_ALL_PRIORITIES
_LOCKED_KEYS = "job_service.locked_candidates"
"""Setting that holds the ids of the locked candidates until the end of the transaction or the next
lock."""

Rows = list[Row]


class Candidates(NamedTuple):
    """The open queues, their due jobs, whether there may be more due jobs, and whether the outbox
    `ended` has entries."""

    open_queues: list[OpenQueue]
    due: list[Row]
    is_truncated: bool
    has_ended: bool = False

    def to_claim(self, limit: int) -> list[Row]:
        """Return the first `limit` jobs, and the prefetchable ones among the rest."""
        return self.due[:limit] + prefetchable(self.due[limit:], self.open_queues)


@dataclass(frozen=True)
class DueQuery:
    """Finds up to `limit` jobs that are due `now` and that no other runner is about to claim.

    On PostgreSQL the jobs are locked for the transaction.
    """

    database: Database
    now: int
    limit: int
    condition: str | None = None
    """The condition that the runner may run a job, see `fitting`; None if it may run all."""


class CandidateFinder:
    """Finds candidates for one runner, in the given queues or, with None, in all.

    On PostgreSQL, it queries the queues in which it found jobs last time together with the list of
    open queues, in one round trip.
    """

    def __init__(
        self,
        database: Database,
        queues: Collection[str] | None,
        liveness: Liveness,
        limits: WorkerLimits | None = None,
    ) -> None:
        self._database = database
        self._condition = fitting(database, limits)
        self._queues = queues
        self._liveness = liveness
        self._recent_queues: list[str] = []

    def find(self, now: int, limit: int) -> Candidates:
        """Return the open queues and up to `limit` of their due jobs, see `due_jobs`.

        Only inside a transaction that holds the version lock. With a limit of 0, it does not look.
        """
        if limit < 1:
            return Candidates([], [], False)
        query = self._due_query(now, limit)
        return self._candidates(query, *self._fetch(query))

    def find_optimistically(self, now: int, limit: int) -> Candidates | None:
        """Find candidates before the transaction takes the version lock.

        The claim must check that they are unchanged. Returns None if that is not possible,
        while a queue with jobs has a limit. The caller then uses `find`. Only on PostgreSQL: on
        SQLite, a transaction blocks other writers from its beginning.
        """
        if limit < 1:
            return None
        query = self._due_query(now, limit)
        queue_rows, recent_due = self._fetch(query)
        if any(
            row["max_running"] is not None and row["next_run_at"] is not None for row in queue_rows
        ):
            return None
        return self._candidates(query, queue_rows, recent_due)

    def _due_query(self, now: int, limit: int) -> DueQuery:
        max_limit = MAX_LOCKED_CANDIDATES if self._database.postgresql else limit
        return DueQuery(self._database, now, min(limit, max_limit), self._condition)

    def _fetch(self, query: DueQuery) -> tuple[list[Row], dict[str, list[Row]]]:
        """Return the rows of all queues, and the due jobs of the recent queues by name."""
        queues_query = open_queues_query(self._database, self._liveness.name)
        # On SQLite, a query takes no round trip, and mostly finds that no job is due.
        recent = self._recent_queues if self._database.postgresql else []
        due_queries = [due_statements(query, queue, None, query.limit) for queue in recent]
        statements = [queues_query, *chain.from_iterable(due_queries)]
        queue_rows, *results = self._database.fetch_each(statements)
        ends = accumulate(map(len, due_queries))  # the last statement of each query returns rows
        return queue_rows, {
            queue: results[end - 1] for queue, end in zip(recent, ends, strict=True)
        }

    def _candidates(
        self,
        query: DueQuery,
        queue_rows: list[Row],
        recent_due: dict[str, list[Row]],
    ) -> Candidates:
        open_queues = open_queues_from(queue_rows, self._queues)
        due = due_jobs(query, open_queues, recent_due)
        if self._condition and open_queues and not due:
            open_queues = postponed(self._database, open_queues, query.now, self._condition)
        self._recent_queues = list({row["queue"] for row in due})
        return Candidates(open_queues, due, len(due) == query.limit, has_ended(queue_rows))


def due_jobs(query: DueQuery, open_queues: Sequence[OpenQueue], fetched: dict[str, Rows]) -> Rows:
    """Return due jobs of the open queues, ordered by priority, then by `run_at`.

    Returns at most `limit` jobs, and from each queue at most as many as it has room for. Each row
    has all columns of a job. `fetched` holds the rows of queues that were already queried with
    `due_statements`.
    """
    due: Rows = []
    for queue in open_queues:
        if queue.next_run_at <= query.now:
            room = queue.room_for(query.limit)
            queue_rows = fetched.get(queue.name) if room == query.limit else None
            due += due_in_queue(query, queue.name, room, queue_rows)
    return sorted(due, key=_claim_order)[: query.limit]


def prefetchable(rows: Sequence[Row], open_queues: Sequence[OpenQueue]) -> Rows:
    """Return the jobs that may wait in the runner behind other jobs.

    Jobs of a queue with a limit may not, since each would use up room for a job that another runner
    could start at once. Neither may jobs that must not lose their worker: the death of the runner
    would cost them their only attempt before it starts. Nor may jobs that have lost one: the job
    that killed it would be lost together with all jobs that wait behind it, again and again.
    """
    limited = {queue.name for queue in open_queues if queue.room is not None}
    safe = [row for row in rows if row["loss_count"] == 0 < row["max_losses"]]
    return [row for row in safe if row["queue"] not in limited]


def _claim_order(row: Row) -> tuple[object, ...]:
    return -row["priority"], row["run_at"], row["id"]


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
    database, has_priority, condition = query.database, priority is not None, query.condition
    values = {
        "queue": queue,
        "priority": priority,
        "above": _ABOVE_ALL_PRIORITIES,
        "now": query.now,
    }
    if not database.postgresql:
        due = database.statement(
            ("due", has_priority, room, condition),
            lambda: _select_due(database, has_priority, room, condition),
        )
        return [(due, values)]
    key = ("lock candidates", has_priority, room, condition)
    lock = database.statement(
        key,
        lambda: try_lock_rows(
            _select_due(database, has_priority, room, condition, JobRow.id), JobRow.id
        ),
    )
    return [(lock, values), (database.statement("locked candidates", _select_locked), {})]


def _highest_priority(database: Database) -> pw.Select:
    """Return the subquery for the highest priority below another of a queue's queued jobs."""
    job = JobRow.alias("highest")
    is_in_queue = IS_QUEUED, job.queue == parameter(JobRow.queue)
    query = job.select(job.priority).where(
        *is_in_queue, job.priority < parameter(JobRow.priority, "above")
    )
    return database.engine.by_index(query.order_by(job.priority.desc()).limit(1), job, UNFINISHED)


def _select_due(
    database: Database, has_priority: bool, room: int, condition: str | None, *columns: pw.Node
) -> pw.Select:
    priority = parameter(JobRow.priority) if has_priority else _highest_priority(database)
    queued = IS_QUEUED, JobRow.queue == parameter(JobRow.queue), JobRow.priority == priority
    due = JobRow.select(*columns).where(*queued, JobRow.run_at <= parameter(JobRow.run_at, "now"))
    if condition:
        due = due.where(pw.SQL(condition))
    ordered = due.order_by(JobRow.run_at, JobRow.id).limit(room)
    return database.engine.by_index(ordered, JobRow, UNFINISHED)


def _select_locked() -> pw.Select:
    """Select the locked candidates that were not claimed meanwhile."""
    return JobRow.select().where(
        unindexed(JobRow.status) == Status.QUEUED, is_locked_row(JobRow.id)
    )


def try_lock_rows(query: pw.Select, key: pw.Field) -> pw.Select:
    """Return a query that tries to lock the rows of a query for UUID keys.

    It skips rows that other transactions have locked.
    """
    is_free = pw.fn.pg_try_advisory_xact_lock(pw.fn.uuid_hash_extended(key, 0))
    locked = query.where(is_free).alias("locked")
    keys = pw.fn.string_agg(locked.c[key.column_name].cast("text"), ",")
    return pw.Select([locked], [pw.fn.set_config(_LOCKED_KEYS, pw.fn.COALESCE(keys, ""), True)])


def is_locked_row(key: pw.Field) -> pw.Expression:
    """Return the condition that the transaction's last `try_lock_rows` has locked the row."""
    keys = pw.SQL(f"string_to_array(current_setting('{_LOCKED_KEYS}'), ',')::uuid[]")
    return key == pw.fn.ANY(keys)
