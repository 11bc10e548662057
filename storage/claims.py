"""`Claims`: the operations of the store for runners. `store` has those for clients.

A change of a running job takes effect only if the runner still holds its attempt. Otherwise
another runner has settled the job, and this runner's view of it is stale.

A job that was found while the transaction held the version lock cannot change before its claim. A
job that was found earlier is claimed optimistically: the claim checks that it is unchanged, and
other transactions were not blocked during the search.

The row of a job holds its first attempt; each later attempt gets a row of its own.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import peewee as pw

from storage.claiming.candidates import CandidateFinder, Candidates, Rows
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.errors import OptimisticConflict
from storage.db.models import JobRow, RunnerRow
from storage.db.parameters import parameter
from storage.db.statements import Row
from storage.db.versions import PendingVersion
from storage.files.space_reserve import SpaceReserve
from storage.jobs import output
from storage.jobs.expiry import cancel_expired, is_expired
from storage.jobs.open_queues import (
    IS_RUNNING,
    earliest_run_at,
    has_ended,
    open_queues_from,
    open_queues_query,
)
from storage.jobs.rows import fetch_jobs, jobs_from_claimed_rows, select_jobs
from storage.jobs.statements import guarded_update, insert_attempt, optimistic_claim_guard
from storage.jobs.transitions import Settlement, Transitions
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import EVENTS, LISTENER, WORKER, Wakeup
from storage.records.job import Fence, Job
from storage.records.job_limits import WorkerLimits
from storage.records.output import Piece
from storage.records.states import CLAIM

_RESERVED_VERSIONS = 200
"""Versions that a transaction reserves at once; if it makes more changes, it reserves as many
again."""
_CLAIMED = {"status": CLAIM.target, "progress": None}
"""The values that all claimed jobs have."""


class Unstored(NamedTuple):
    """Progress and output of an attempt that is to be stored."""

    fence: Fence
    progress: str | None
    """As JSON text; None keeps the stored one."""
    pieces: Sequence[Piece]
    max_bytes: int
    """The most output that is kept of the attempt."""


class ClaimedJobs:
    """Jobs that a transaction claims.

    The records are built after the commit, so that no other writer waits for it.
    """

    def __init__(self, database: Database, rows: Rows, newest: PendingVersion):
        self._database, self._rows, self._newest = database, rows, newest

    def __len__(self) -> int:
        return len(self._rows)

    def jobs(self) -> list[Job]:
        """Build the jobs. Raises StoreError."""
        newest = self._newest() if self._rows else 0
        rows = [{**row, "version": newest - row["version"]} for row in self._rows]
        return jobs_from_claimed_rows(self._database, rows)


@dataclass(frozen=True)
class Claimed:
    """The results of a claim transaction: the settled ends, and the jobs to start."""

    accepted: list[bool]
    """For each settlement, whether the runner still held the attempt."""
    jobs: ClaimedJobs
    next_run_at: int | None
    """When the next job of an open queue falls due, if no job was claimed. None without one."""
    topics: list[str]
    """Whom to wake, see `Claims.wake`."""


class Claims:
    """Claims due jobs for one runner and settles them. For one thread.

    `queues` are the queues that the runner claims from, None for all. It leaves jobs to others if
    their own limits are beyond `limits`.
    """

    def __init__(
        self,
        database: Database,
        wakeup: Wakeup,
        liveness: Liveness,
        clock: Clock,
        queues: Collection[str] | None = None,
        limits: WorkerLimits | None = None,
    ):
        self._database = database
        self._wakeup = wakeup
        self._liveness = liveness
        self._clock = clock
        self._queues, self._limits = queues, limits
        self._transitions = Transitions(database)
        self._finder = CandidateFinder(database, queues, liveness, limits)
        self._reserve = SpaceReserve(database.file)
        self.traced = self._transitions.traced
        """The ends of traced attempts that the last transaction has stored, with their times."""
        self.has_ended = False
        """Whether the last look at the queues found watched jobs that have ended, see
        `storage/waiting/ended.py`."""
        self.started_keys: set[str] = set()
        """Concurrency keys of the jobs that the last transaction has claimed, if more of their jobs
        may run: the next job of each may get a place, see `storage/waiting/places.py`."""

    def settle_and_claim(
        self,
        settlements: Sequence[Settlement] = (),
        unstored: Sequence[Unstored] = (),
        limit: int = 0,
        prefetch: int = 0,
    ) -> Claimed:
        """Settle ended attempts, store progress and output, and claim jobs, in one transaction.

        Claims up to `limit` due jobs, ordered by priority, then by the time when they became due,
        and `prefetch` more that wait in the runner until one of the others has ended, see
        `candidates.prefetchable`. The caller starts what was claimed, and then calls `wake`.

        The transaction is optimistic where possible, see `storage/db/pipeline.py`. After a conflict
        nothing has changed, and it runs again without. It writes nothing if no job is due, and
        there is nothing to settle or to store.
        """
        work = settlements, unstored, limit, prefetch
        if not self._database.postgresql:
            return self._settle_and_claim(*work)
        try:
            with self._database.optimistic():
                return self._settle_and_claim(*work, optimistic=True)
        except OptimisticConflict:
            return self._settle_and_claim(*work)

    def _settle_and_claim(
        self,
        settlements: Sequence[Settlement],
        unstored: Sequence[Unstored],
        limit: int,
        prefetch: int,
        optimistic: bool = False,
    ) -> Claimed:
        self.traced.clear()
        now, count = self._clock(), limit + prefetch
        has_changes = bool(settlements or unstored)
        with self._database.transaction():
            candidates = self._find_early(now, count, has_changes, optimistic)
            self.has_ended = candidates is not None and candidates.has_ended
            if candidates and not (has_changes or candidates.due):
                nothing = self._claim([], now, False)
                return Claimed([], nothing, earliest_run_at(candidates.open_queues), [])
            guarded = optimistic and candidates is not None
            self._database.reserve_versions(_RESERVED_VERSIONS)
            for each in unstored:
                self._store(each)
            accepted = self._transitions.settle(settlements, now)
            if candidates is None:
                candidates = self._finder.find(now, count)
                self.has_ended = candidates.has_ended
            rows, expired = self._without_expired(candidates.to_claim(limit), now, guarded)
            for row in rows:
                self._database.counters.observe(row["type"], "wait", now - row["run_at"])
            jobs = self._claim(rows, now, guarded)
            topics = [LISTENER if any(accepted) or expired else EVENTS]
            if candidates.is_truncated and _is_room_left(candidates, now, rows):
                topics.append(WORKER)
            self._wakeup.notify_in_transaction(topics)
        next_run_at = earliest_run_at(candidates.open_queues)
        return Claimed(accepted, jobs, next_run_at, topics)

    def _without_expired(self, rows: Rows, now: int, guarded: bool) -> tuple[Rows, Rows]:
        """Cancel the expired ones among due jobs. Returns the others, and the canceled ones."""
        expired = [row for row in rows if is_expired(row, now)]
        if not expired:
            return rows, []
        if guarded:  # they were found without the version lock
            raise OptimisticConflict
        for row in expired:
            cancel_expired(self._transitions, row, now)
        return [row for row in rows if not is_expired(row, now)], expired

    def _find_early(
        self, now: int, count: int, has_changes: bool, optimistic: bool
    ) -> Candidates | None:
        """Find candidates before the transaction takes the version lock; None if not possible.

        On PostgreSQL, the lock would block other writers. On SQLite, they are blocked already, but
        the search must follow the changes of this transaction.
        """
        if optimistic:
            return self._finder.find_optimistically(now, count)
        if has_changes or self._database.postgresql:
            return None
        return self._finder.find(now, count)

    def _claim(self, rows: Rows, now: int, guarded: bool) -> ClaimedJobs:
        """Claim jobs that were found under the version lock, so that no guard can refuse.

        With `guarded`, the jobs were found before the lock was taken, and are claimed only if all
        are unchanged. Only in optimistic mode, see `storage/db/pipeline.py`.
        """
        database = self._database
        last_offset = database.next_version_offset(len(rows))
        changes = _claim_changes(rows, self._liveness.name, now, last_offset)
        values = [
            {**new, "job_id": row["id"], "expected_version": row["version"]}
            for row, new in zip(rows, changes, strict=True)
        ]
        if rows and guarded:
            assert database.engine.is_optimistic
            claim = database.statement(
                "optimistic claim",
                lambda: _claim_update(changes[0]).where(*optimistic_claim_guard()),
            )
            database.change_each_guarded(claim, values)
        elif rows:
            claim = database.statement("claim", lambda: _claim_update(changes[0]))
            database.change_each_deferred(claim, values)
        if later := [each for each in values if each["attempt"] > 1]:
            database.change_each_deferred(database.statement("attempt", insert_attempt), later)
        self.started_keys = {
            row["concurrency_key"] for row in rows if (row["max_per_key"] or 0) > 1
        }
        claimed = [{**row, **_CLAIMED, **new} for row, new in zip(rows, changes, strict=True)]
        return ClaimedJobs(database, claimed, database.pending_newest_version())

    def wake(self, claimed: Claimed) -> None:
        """Wake the programs that wait for the changes of a claim transaction."""
        self._wakeup.notify_after_commit(claimed.topics)

    def make_room(self) -> None:
        """Release a piece of the space reserve: the disk is full, and a cancel is to be stored."""
        self._reserve.release()

    def register(self, slots: int) -> None:
        """Register the runner, before its first claim."""
        self._liveness.register(slots, self._clock(), self._queues, self._limits)

    def deregister(self) -> None:
        """Remove the runner, after its last job was settled."""
        with self._database.transaction():
            self._database.run(RunnerRow.delete().where(RunnerRow.name == self._liveness.name))

    def is_registered(self) -> bool:
        """Return whether the runner is registered; if not, another runner took it for dead."""
        named = self._database.statement("registered", self._select_self)
        return bool(self._database.fetch(named, {"name": self._liveness.name}))

    def seconds_to_next(self) -> float | None:
        """Return the seconds until the next queued job in an open queue is due.

        Below 0 if one is due already, None if there is no such job.
        """
        rows = self._database.fetch(*open_queues_query(self._database))
        self.has_ended = has_ended(rows)
        return self.seconds_until(earliest_run_at(open_queues_from(rows, self._queues)))

    def seconds_until(self, run_at: int | None) -> float | None:
        """Return the seconds until a time of the store's clock, None for None."""
        return None if run_at is None else (run_at - self._clock()) / 1000

    def held(self) -> list[Job]:
        """Return the running jobs of this runner, as the store has them."""
        query = select_jobs().where(IS_RUNNING, JobRow.locked_by == self._liveness.name)
        return fetch_jobs(self._database, query)

    def to_cancel(self) -> list[Fence]:
        """Return the running jobs of this runner for which a client requested a cancel."""
        canceled = self._database.statement("to cancel", _select_to_cancel)
        rows = self._database.fetch(canceled, {"locked_by": self._liveness.name})
        return [Fence(row["id"], self._liveness.name, row["attempt"]) for row in rows]

    def _store(self, unstored: Unstored) -> None:
        """Store progress and output of a running job, as long as the runner holds it."""
        fence = unstored.fence
        output.store(self._database, fence, unstored.pieces, unstored.max_bytes)
        if unstored.progress is not None:
            changes = {"progress": unstored.progress, "version": self._database.next_version()}
            guard = (JobRow.id == fence.job_id, JobRow.locked_by == fence.runner)
            update = JobRow.update(**changes).where(*guard, JobRow.attempt == fence.attempt)
            self._database.run(update)

    def _select_self(self) -> pw.Select:
        named = RunnerRow.select(RunnerRow.name).where(RunnerRow.name == parameter(RunnerRow.name))
        return self._database.engine.share(named)


def _select_to_cancel() -> pw.Select:
    return JobRow.select(JobRow.id, JobRow.attempt).where(
        IS_RUNNING,
        JobRow.locked_by == parameter(JobRow.locked_by),
        JobRow.cancel_requested_at.is_null(False),
    )


def _is_room_left(candidates: Candidates, now: int, claimed: Sequence[Row]) -> bool:
    """Return whether other runners may now find a job in a queue with a limit.

    If the queue was full until now, no runner has been woken for its jobs.
    """
    counts = Counter(row["queue"] for row in claimed)
    return any(
        queue.room is not None and queue.next_run_at <= now and counts[queue.name] < queue.room
        for queue in candidates.open_queues
    )


def _claim_update(changes: Row) -> pw.Update:
    return guarded_update(CLAIM, {**changes, "progress": pw.Value(None)})


def _claim_changes(rows: Rows, runner: str, now: int, last_offset: int) -> Rows:
    """Return the changes that a claim makes to each job.

    `last_offset` is the offset of the last change from the newest version of the transaction. As
    many unused versions as there are rows end there.
    """
    return [
        {
            "locked_by": runner,
            "started_at": now,
            "attempt": row["attempt"] + 1,
            "version": last_offset + changes_after,
            "first_runner": row["first_runner"] if row["attempt"] else runner,
        }
        for changes_after, row in zip(reversed(range(len(rows))), rows, strict=True)
    ]
