"""Which due jobs a runner claims, and when it looks for them: see `CandidateFinder`."""

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
    """Claims jobs for one runner, in transactions; see `Claims`."""

    def __init__(
        self, database: Database, lookout: CandidateFinder, liveness: Liveness, clock: Clock
    ) -> None:
        self._database = database
        self._lookout = lookout
        self._liveness = liveness
        self._clock = clock
        self._moves = ClaimStatements(database)
        self.others_have_room = False
        """Whether the last claim has left jobs that others may find in a queue with a limit."""

    def claim(self, limit: int, ahead: int) -> ClaimedJobs:
        """Take due jobs, see `Claims.claim`."""
        self.others_have_room = False
        if limit + ahead < 1:
            return self._moves.claim([], "", 0, 0)
        now = self._clock()
        # First: from then on nobody else changes a job. They are more than may be needed.
        last = self._database.number_next(limit + ahead)
        seen = self._lookout.look(now, limit + ahead)
        rows = seen.to_claim(limit)
        self.others_have_room = seen.is_cut and _is_room_left(seen.lanes, now, rows)
        self._count(rows, now)
        return self._moves.claim(rows, self._liveness.name, now, last)

    def look_ahead(self, limit: int, ahead: int) -> ClaimCall:
        """Look for due jobs before the transaction has numbered its changes, where that can be; to
        be called when it has, this gives what claims them."""
        now = self._clock()
        seen = self._lookout.look_ahead(now, limit + ahead)
        if seen is None:
            return partial(self.claim, limit, ahead)
        return partial(self._claim_as_seen, seen.to_claim(limit), now)

    def _claim_as_seen(self, rows: list[dict[str, Any]], now: int) -> ClaimedJobs:
        self.others_have_room = False
        last = self._database.number_next(len(rows))
        self._count(rows, now)
        return self._moves.claim_as_seen(rows, self._liveness.name, now, last)

    def _count(self, rows: Sequence[dict[str, Any]], now: int) -> None:
        for row in rows:
            self._database.tallies.observe(row["type"], "wait", now - row["run_at"])


def _is_room_left(lanes: Sequence[OpenQueue], now: int, taken: Sequence[dict[str, Any]]) -> bool:
    """Whether others may find a job in a queue that was full until now: no one has told them."""
    counts = Counter(row["queue"] for row in taken)
    due = [lane for lane in lanes if lane.room is not None and lane.next_run_at <= now]
    return any(counts[lane.queue] < (lane.room or 0) for lane in due)
