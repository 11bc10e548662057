"""Cancels or retries all jobs that filters select, batch by batch, so that other writers get their
turn."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal
from uuid import UUID

from storage.audit.record import record, record_each
from storage.db.clock import Clock
from storage.db.database import Database
from storage.files.space_reserve import SpaceReserve
from storage.jobs.transitions import Transitions
from storage.notify.wakeup import LISTENER, WORKER, Wakeup, notifying_transaction
from storage.queries.search import SearchResult, find
from storage.records.audit import Action, Actor, Kind
from storage.records.filters import Filters
from storage.records.job import StoreError
from storage.records.states import CANCEL, REQUEST_CANCEL, REQUEUE, Status
from storage.waiting.dependencies import predecessors_of
from storage.waiting.followers import Allowed, canceled_because_of, in_order
from storage.waiting.reactions import react_to_ended
from storage.waiting.retries import retry

LIMIT = 1000
"""Maximum number of jobs that one call changes."""
BATCH = 100
"""Maximum number of jobs that one transaction changes."""
DRY_LIMIT = 10_000
"""Maximum number of jobs that a dry run counts."""
_AHEAD_SECONDS = 5.0
"""Time limit of the search for predecessors on later pages."""
_MANY: dict[str, Action] = {"cancel": "cancel many", "retry": "retry many"}
"""How the call is recorded, by the change of each of its jobs."""


@dataclass(frozen=True)
class BulkChange:
    """Number of jobs that matched, and number that were changed. Fewer are changed if others
    changed jobs in the meantime. Pass `next` as `before` to continue; None means the end."""

    matched: int
    changed: int
    next: UUID | None


class Bulk:
    """Bulk cancels and retries. May be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable if the store fails. Batches
    that were committed before stay changed.
    """

    def __init__(self, database: Database, wakeup: Wakeup, clock: Clock):
        self._database = database
        self._wakeup = wakeup
        self._clock = clock
        self._transitions = Transitions(database)
        self._reserve = SpaceReserve(database.file)

    def cancel(
        self,
        filters: Filters,
        before: UUID | None,
        dry_run: bool,
        by: str | None = None,
        actor: Actor | None = None,
    ) -> BulkChange:
        """Cancel queued jobs, and request the cancel of running ones. `by` is the name of the
        caller. On a full disk, this uses the space reserve.

        With an actor, the audit log gets an entry for each job, and one for the call.
        """
        sources = CANCEL.sources | REQUEST_CANCEL.sources
        cancel = _Change("cancel", partial(self._transitions.cancel, by=by), actor)
        retrying = self._reserve.retrying
        return self._each(filters, sources, cancel, before, dry_run, retrying)

    def retry(
        self,
        filters: Filters,
        before: UUID | None,
        dry_run: bool,
        actor: Actor | None = None,
        downstream: bool = False,
    ) -> BulkChange:
        """Queue failed and canceled jobs again. The audit log gets entries as by `cancel`.

        A job comes after its predecessors. Selected predecessors on later pages are changed with
        it, and counted as found on this page. With `downstream`, so are the jobs that were canceled
        because of selected ones.
        """
        change = _Change("retry", self._requeue, actor, downstream)
        return self._each(filters, REQUEUE.sources, change, before, dry_run)

    def retry_downstream(
        self, job_id: UUID, is_allowed: Allowed, actor: Actor | None = None
    ) -> int:
        """Queue the jobs again that were canceled because of a job, and return how many.

        The job itself is not changed, and neither are jobs that `is_allowed` refuses.
        """
        ids = canceled_because_of(self._database, [job_id], is_allowed)
        return self._in_batches(ids, _Change("retry", self._requeue, actor))

    def _requeue(self, job_id: UUID, now: int) -> bool:
        return retry(self._database, self._transitions, job_id, now) is True

    def _each(
        self,
        filters: Filters,
        sources: frozenset[Status],
        change: "_Change",
        before: UUID | None,
        dry_run: bool,
        run: Callable[[Callable[[], int]], int] = lambda change: change(),
    ) -> BulkChange:
        """Change the jobs that filters select; `run` runs the change of a batch."""
        statuses = (filters.statuses or sources) & sources
        if not statuses:
            return BulkChange(0, 0, None)
        limit = DRY_LIMIT if dry_run else LIMIT
        selected = replace(filters, statuses=statuses)
        found = find(self._database, selected, limit, before)
        ids = found.ids
        if change.action == "retry" and not dry_run:
            ids = self._in_order(selected, found)
        if change.downstream:
            chosen = [*ids, *canceled_because_of(self._database, ids)]
            ids = in_order(chosen, predecessors_of(self._database, chosen))
        changed = 0 if dry_run else self._in_batches(ids, change, run)
        if changed and change.actor:
            with self._database.transaction():
                self._record(change, filters, changed)
        return BulkChange(len(ids), changed, found.next)

    def _in_batches(
        self,
        ids: Sequence[UUID],
        change: "_Change",
        run: Callable[[Callable[[], int]], int] = lambda change: change(),
    ) -> int:
        """Change jobs, BATCH of them in each transaction; `run` runs one. Returns how many."""
        changed = 0
        for start in range(0, len(ids), BATCH):
            changed += run(partial(self._change, ids[start : start + BATCH], change))
        if changed:
            with suppress(StoreError):  # the entries stay, and workers look for them
                react_to_ended(self._database, self._wakeup, self._clock)
        return changed

    def _in_order(self, filters: Filters, found: SearchResult) -> list[UUID]:
        """Return the jobs of a page, each after its predecessors that the filters select, too.

        Looks for predecessors among the next DRY_LIMIT jobs.
        """
        after = predecessors_of(self._database, found.ids)
        chosen = dict.fromkeys(found.ids)
        if found.next and not chosen.keys() >= {each for ids in after.values() for each in ids}:
            later = find(self._database, filters, DRY_LIMIT, found.next, _AHEAD_SECONDS).ids
            after |= predecessors_of(self._database, later)
            wanted, known = list(found.ids), {*later}
            while wanted:
                more = known.intersection(after.get(wanted.pop(), ())) - chosen.keys()
                chosen |= dict.fromkeys(more)
                wanted += more
        return in_order(chosen, after)

    def _change(self, ids: Sequence[UUID], change: "_Change") -> int:
        with notifying_transaction(self._wakeup, self._database, WORKER, LISTENER):
            now = self._clock()
            changed = [job_id for job_id in ids if change.apply(job_id, now)]
            actors = [change.actor] * len(changed)
            record_each(self._database, actors, change.action, "job", changed, now, many=True)
            return len(changed)

    def _record(self, change: "_Change", filters: Filters, changed: int) -> None:
        """Record the call itself. Its filters have their names in the API, as far as they go."""
        given = {name: value for name, value in vars(filters).items() if value}
        named = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in given.items()}
        kind: Kind = "batch" if filters.batch else "jobs"
        detail = {"filters": named, "changed": changed}
        actor, action, now = change.actor, _MANY[change.action], self._clock()
        record(self._database, actor, action, kind, filters.batch or "many", now, **detail)


@dataclass(frozen=True)
class _Change:
    """A change of many jobs, and who is recorded as the one who makes it."""

    action: Literal["cancel", "retry"]
    apply: Callable[[UUID, int], bool]
    actor: Actor | None
    downstream: bool = False
    """Whether jobs that were canceled because of the selected ones are changed, too."""
