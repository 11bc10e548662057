"""Looks for what a runner can claim: with few waits, and best before it holds up all who write."""

from collections.abc import Collection
from itertools import accumulate, chain
from typing import Any, NamedTuple

from storage.claiming.due import DueQuery, due_jobs, due_statements, prefetchable
from storage.db.database import Database
from storage.jobs.open_queues import OpenQueue, open_queues_from, open_queues_query
from storage.liveness.liveness import Liveness

MAX_LOCKED_CANDIDATES = 100
"""So many jobs are set aside at most. Each takes a place in the server's table of locks, which by
default has 64 for each connection that it allows."""


class Candidates(NamedTuple):
    """The open lanes, their due jobs, and whether there may be more of these."""

    lanes: list[OpenQueue]
    due: list[dict[str, Any]]
    is_cut: bool

    def to_claim(self, limit: int) -> list[dict[str, Any]]:
        """So many of the jobs, and of the others those that may wait behind them."""
        return self.due[:limit] + prefetchable(self.due[limit:], self.lanes)


class CandidateFinder:
    """The lookout of one runner, which takes jobs of some queues, None for all.

    In the queues where it has found jobs it looks again without a wait for the lanes.
    """

    def __init__(
        self, database: Database, queues: Collection[str] | None, liveness: Liveness
    ) -> None:
        self._database = database
        self._queues = queues
        self._liveness = liveness
        self._likely: list[str] = []

    def look(self, now: int, limit: int) -> Candidates:
        """The open lanes, and up to `limit` of their due jobs, see `due_jobs`; inside a transaction
        that has numbered its changes."""
        asking = self._asking(now, limit)
        return self._due(asking, *self._ask(asking))

    def look_ahead(self, now: int, limit: int) -> Candidates | None:
        """The same in one that has not: it is going to claim them if they still are as seen.

        None if that cannot be, and it has to look again: on SQLite, where a transaction holds up
        the others from its begin on; and while a queue with jobs has a limit.
        """
        if limit < 1 or not self._database.postgresql:
            return None
        asking = self._asking(now, limit)
        queues, known = self._ask(asking)
        if any(row["max_running"] is not None and row["next_run_at"] is not None for row in queues):
            return None
        return self._due(asking, queues, known)

    def _asking(self, now: int, limit: int) -> DueQuery:
        most = MAX_LOCKED_CANDIDATES if self._database.postgresql else limit
        return DueQuery(self._database, now, min(limit, most))

    def _ask(
        self, asking: DueQuery
    ) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """What there is to be known of the queues, and the likely jobs of some."""
        lanes = open_queues_query(self._database, self._liveness.name)
        likely = [due_statements(asking, queue, None, asking.limit) for queue in self._likely]
        queues, *found = self._database.fetch_each([lanes, *chain.from_iterable(likely)])
        lasts = accumulate(map(len, likely))
        return queues, {q: found[last - 1] for q, last in zip(self._likely, lasts, strict=True)}

    def _due(
        self,
        asking: DueQuery,
        queues: list[dict[str, Any]],
        known: dict[str, list[dict[str, Any]]],
    ) -> Candidates:
        lanes = open_queues_from(queues, self._queues)
        due = due_jobs(asking, lanes, known)
        self._likely = list({row["queue"] for row in due})
        return Candidates(lanes, due, len(due) == asking.limit)
