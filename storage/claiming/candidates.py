"""Decides which due jobs a claim takes: by priority, from open queues, in few round trips."""

from collections.abc import Collection, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

from storage.claiming.due_jobs import DueQuery, Rows, due_in_queue, due_statements
from storage.db.database import Database
from storage.jobs.open_queues import OpenQueue, open_queues_from, open_queues_query
from storage.liveness.liveness import Liveness

MAX_LOCKED_CANDIDATES = 100
"""Maximum number of candidates that a claim locks. Each takes a slot in the server's lock table,
which by default has 64 slots per allowed connection."""


class Candidates(NamedTuple):
    """The open queues, their due jobs, and whether there may be more due jobs."""

    open_queues: list[OpenQueue]
    due: list[dict[str, Any]]
    is_truncated: bool

    def to_claim(self, limit: int) -> list[dict[str, Any]]:
        """Return the first `limit` jobs, and the prefetchable ones among the rest."""
        return self.due[:limit] + prefetchable(self.due[limit:], self.open_queues)


class CandidateFinder:
    """Finds candidates for one runner, in the given queues or, with None, in all.

    On PostgreSQL, it queries the queues in which it found jobs last time together with the list of
    open queues, in one round trip.
    """

    def __init__(
        self, database: Database, queues: Collection[str] | None, liveness: Liveness
    ) -> None:
        self._database = database
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
        return DueQuery(self._database, now, min(limit, max_limit))

    def _fetch(
        self, query: DueQuery
    ) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
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
        queue_rows: list[dict[str, Any]],
        recent_due: dict[str, list[dict[str, Any]]],
    ) -> Candidates:
        open_queues = open_queues_from(queue_rows, self._queues)
        due = due_jobs(query, open_queues, recent_due)
        self._recent_queues = list({row["queue"] for row in due})
        return Candidates(open_queues, due, len(due) == query.limit)


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


def prefetchable(rows: Sequence[dict[str, Any]], open_queues: Sequence[OpenQueue]) -> Rows:
    """Return the jobs that may wait in the runner behind other jobs.

    Jobs of a queue with a limit may not, since each would use up room for a job that another runner
    could start at once. Neither may jobs that must not lose their worker: the death of the runner
    would cost them their only attempt before it starts. Nor may jobs that have lost one: the job
    that killed it would be lost together with all jobs that wait behind it, again and again.
    """
    limited = {queue.name for queue in open_queues if queue.room is not None}
    safe = [row for row in rows if row["loss_count"] == 0 < row["max_losses"]]
    return [row for row in safe if row["queue"] not in limited]


def _claim_order(row: dict[str, Any]) -> tuple[Any, ...]:
    return -row["priority"], row["run_at"], row["id"]
