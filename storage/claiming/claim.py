"""Claims the candidates that a `CandidateFinder` finds."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from storage.claiming.candidates import CandidateFinder
from storage.claiming.statements import ClaimCall, ClaimedJobs, ClaimStatements
from storage.db.clock import Clock
from storage.db.database import Database
from storage.jobs.open_queues import OpenQueue
from storage.liveness.liveness import Liveness


class Claimer:
    """Claims jobs for one runner inside transactions, see `Claims`."""

    def __init__(
        self, database: Database, finder: CandidateFinder, liveness: Liveness, clock: Clock
    ) -> None:
        self._database = database
        self._finder = finder
        self._liveness = liveness
        self._clock = clock
        self._statements = ClaimStatements(database)
        self.leaves_room_for_others = False
        """Whether the last claim left jobs in a queue with a limit that other runners may claim."""

    def claim(self, limit: int, prefetch: int) -> ClaimedJobs:
        """Claim due jobs, see `Claims.claim`."""
        self.leaves_room_for_others = False
        if limit + prefetch < 1:
            return self._statements.claim([], "", 0, 0)
        now = self._clock()
        # Takes the version lock, so no other transaction changes a job from here on. Some of these
        # versions may remain unused.
        last_offset = self._database.next_version_offset(limit + prefetch)
        candidates = self._finder.find(now, limit + prefetch)
        rows = candidates.to_claim(limit)
        self.leaves_room_for_others = candidates.is_truncated and _is_room_left(
            candidates.open_queues, now, rows
        )
        self._observe_waits(rows, now)
        return self._statements.claim(rows, self._liveness.name, now, last_offset)

    def prepare(self, limit: int, prefetch: int) -> ClaimCall:
        """Find candidates before the transaction takes the version lock, where possible.

        Returns a function that claims them, to be called when the lock is taken.
        """
        now = self._clock()
        candidates = self._finder.find_optimistically(now, limit + prefetch)
        if candidates is None:
            return partial(self.claim, limit, prefetch)
        return partial(self._claim_optimistically, candidates.to_claim(limit), now)

    def _claim_optimistically(self, rows: list[dict[str, Any]], now: int) -> ClaimedJobs:
        self.leaves_room_for_others = False
        last_offset = self._database.next_version_offset(len(rows))
        self._observe_waits(rows, now)
        return self._statements.claim_optimistically(rows, self._liveness.name, now, last_offset)

    def _observe_waits(self, rows: Sequence[dict[str, Any]], now: int) -> None:
        for row in rows:
            self._database.counters.observe(row["type"], "wait", now - row["run_at"])


def _is_room_left(
    open_queues: Sequence[OpenQueue], now: int, claimed: Sequence[dict[str, Any]]
) -> bool:
    """Return whether other runners may now find a job in a queue with a limit.

    If the queue was full until now, no runner has been woken for its jobs.
    """
    claimed_counts = Counter(row["queue"] for row in claimed)
    due = [queue for queue in open_queues if queue.room is not None and queue.next_run_at <= now]
    return any(claimed_counts[queue.name] < (queue.room or 0) for queue in due)
