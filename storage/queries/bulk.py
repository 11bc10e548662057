"""Changes of many jobs that filters choose: batch by batch, so that others get their turn."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from storage.db.clock import Clock
from storage.db.database import Database
from storage.jobs.transitions import Transitions
from storage.notify.transaction import waking
from storage.notify.wakeup import LISTENER, WORKER, Wakeup
from storage.queries.search import find
from storage.records.filters import Filters
from storage.records.states import CANCEL, REQUEST_CANCEL, REQUEUE, Status

LIMIT = 1000
"""Jobs that one call changes."""
BATCH = 100
"""Jobs that one transaction changes."""
DRY_LIMIT = 10_000
"""Jobs that one call counts, without changing them."""


@dataclass(frozen=True)
class BulkChange:
    """How many jobs were chosen and could be changed, and how many were: less where others have
    changed them meanwhile. `next` continues, None when no more are chosen."""

    matched: int
    changed: int
    next: UUID | None


class Bulk:
    """Cancels and retries; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails; what was
    changed before that stays.
    """

    def __init__(self, database: Database, wakeup: Wakeup, clock: Clock):
        self._database = database
        self._wakeup = wakeup
        self._clock = clock
        self._transitions = Transitions(database)

    def cancel(
        self, filters: Filters, before: UUID | None, dry_run: bool, by: str | None = None
    ) -> BulkChange:
        """Cancel queued jobs, and ask for the cancel of running ones, in the name of a caller."""
        sources = CANCEL.sources | REQUEST_CANCEL.sources
        cancel = partial(self._transitions.cancel, by=by)
        return self._each(filters, sources, cancel, before, dry_run)

    def retry(self, filters: Filters, before: UUID | None, dry_run: bool) -> BulkChange:
        """Queue failed and canceled jobs again."""
        return self._each(filters, REQUEUE.sources, self._transitions.requeue, before, dry_run)

    def _each(
        self,
        filters: Filters,
        sources: frozenset[Status],
        change: Callable[[UUID, int], bool],
        before: UUID | None,
        dry_run: bool,
    ) -> BulkChange:
        statuses = (filters.statuses or sources) & sources
        if not statuses:
            return BulkChange(0, 0, None)
        limit = DRY_LIMIT if dry_run else LIMIT
        found = find(self._database, replace(filters, statuses=statuses), limit, before)
        changed = 0 if dry_run else self._change(found.ids, change)
        return BulkChange(len(found.ids), changed, found.next)

    def _change(self, ids: list[UUID], change: Callable[[UUID, int], bool]) -> int:
        changed = 0
        for start in range(0, len(ids), BATCH):
            with waking(self._wakeup, self._database, WORKER, LISTENER):
                now = self._clock()
                changed += sum(change(job_id, now) for job_id in ids[start : start + BATCH])
        return changed
