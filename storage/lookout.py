"""Looks for what a runner can claim, with few waits: all who write wait meanwhile."""

from collections.abc import Callable, Collection
from typing import Any

from storage.database import Database
from storage.due import due_asked, due_jobs
from storage.fetching import Asked, Found
from storage.lanes import Lane, lanes_asked, lanes_of
from storage.liveness import Liveness


class Lookout:
    """The lookout of one runner, which takes jobs of some queues, None for all.

    In the queues where it has found jobs it looks again without a wait for the lanes; what comes of
    that counts only if these say the same.
    """

    def __init__(
        self, database: Database, queues: Collection[str] | None, liveness: Liveness
    ) -> None:
        self._database = database
        self._queues = queues
        self._liveness = liveness
        self._likely: list[str] = []
        self._limit = 0
        self._along: Callable[[], Found | None] = _nothing
        self._seen_at = 0

    def look_along(self, now: int) -> None:
        """Look right behind the next change: who settles claims next, likely as many as before. It
        counts only if nothing else was run in between."""
        database = self._database
        # On SQLite there is no wait to be saved.
        if database.postgresql and self._likely and database.engine.in_transaction():
            self._seen_at = now
            self._along = database.fetch_behind(self._asked(now))

    def look(self, now: int, limit: int) -> tuple[list[Lane], list[dict[str, Any]]]:
        """The open lanes, and up to `limit` of their due jobs, see `due_jobs`."""
        found = self._along() if limit <= self._limit else None
        self._along = _nothing
        if found is None:
            self._limit, self._seen_at = limit, now
            found = self._database.fetch_each(self._asked(now))
        lanes = lanes_of(found[0], self._queues)
        known = dict(zip(self._likely, found[1:], strict=True))
        due = due_jobs(self._database, lanes, self._seen_at, self._limit, known)[:limit]
        self._limit = limit
        self._likely = list({row["queue"] for row in due})
        return lanes, due

    def _asked(self, now: int) -> Asked:
        due = [due_asked(self._database, each, None, now, self._limit) for each in self._likely]
        return [lanes_asked(self._database, self._liveness.name), *due]


def _nothing() -> None:
    return None
