"""Parts of jobs that run in parts, as rows.

The runner of the job creates and ends them (`job_parts`), any runner with a free slot runs them.

               ┌──── give back, lost ───┐
               ▼                        │
    make ─▶ queued ──────claim──────▶ running ──done──▶ done ─▶ folded by the job's runner
               │                       │   └────fail──▶ failed ─▶ the attempt fails
               └──────end──▶ ended ◀── ending ◀──end────┘

Only the holder of a part settles it. The fence of a part is its runner and its number of tries.
Parts outlast the attempt that created them, so that the next attempt continues with them. A final
job has no parts.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, PartRow
from storage.jobs.rows import from_json_text, jobs_by_id
from storage.jobs.transitions import to_json_text
from storage.liveness.liveness import Liveness
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Job

MAX_LOST = 3
"""After this many runners died while they held a part, the part may be the cause, so it fails."""
LOST_ERROR = {"type": "Lost", "message": "the runner ended without settling a part of the job"}

# As a literal, so that the database can use the partial index.
_IS_QUEUED = pw.SQL("\"t1\".status = 'queued'")


@dataclass(frozen=True)
class PartFence:
    """Identifies a part and its holder.

    A change with this fence takes effect only if the runner still holds the part in this try.
    """

    job_id: UUID
    number: int
    runner: str
    tries: int


@dataclass(frozen=True)
class ClaimedPart:
    """A claimed part of a job. `spec` is the description that its job type created."""

    job: Job
    fence: PartFence
    spec: Any


@dataclass(frozen=True)
class EndedPart:
    """An ended try of a part, with its last progress as JSON text."""

    fence: PartFence
    outcome: AttemptOutcome
    progress: str | None


@dataclass(frozen=True)
class PartWork:
    """The ends, the progress and the claims of parts for one `Claims.settle_and_claim`."""

    ended: Sequence[EndedPart] = ()
    progress: Sequence[tuple[PartFence, str]] = ()
    """New progress of running parts, as JSON text."""
    limit: int = 0
    """How many jobs and parts to claim."""


class Parts:
    """Claims and settles parts for a runner. For one thread; methods raise StoreError."""

    def __init__(
        self,
        database: Database,
        liveness: Liveness,
        queues: Collection[str] | None,
        is_registered: Callable[[], bool],
    ):
        """`queues` are the queues that the runner claims from, None for all.

        `is_registered` returns, inside a transaction, whether the runner is registered.
        """
        self._database = database
        self._liveness = liveness
        self._queues = queues
        self._is_registered = is_registered

    def waiting(self, limit: int) -> int:
        """Return how many queued parts the runner may claim, counted up to `limit`."""
        waiting = self._database.statement(("parts", limit), lambda: self._select_waiting(limit))
        return len(self._database.fetch(waiting, {}))

    def settle_and_claim(
        self, work: PartWork, claimed_jobs: int
    ) -> tuple[list[bool], list[ClaimedPart]]:
        """Settle and claim parts in the current transaction, which has claimed some jobs.

        Returns which ends were accepted, and the claimed parts.
        """
        accepted = [self.settle(each) for each in work.ended]
        for fence, progress in work.progress:
            self._change(PartRow.update(progress=progress).where(*_held(fence)))
        return accepted, self.claim(work.limit - claimed_jobs)

    def claim(self, limit: int) -> list[ClaimedPart]:
        """Claim up to `limit` parts, ordered by the priority and the `run_at` of their jobs."""
        with self._database.transaction():
            if limit < 1 or not self._is_registered():
                return []
            self._database.next_version(0)  # version lock: no other runner claims meanwhile
            rows = self._database.rows(self._select_waiting(limit))
            jobs = jobs_by_id(self._database, [row["job_id"] for row in rows]) if rows else {}
            return [self._take(row, jobs[row["job_id"]]) for row in rows]

    def held(self) -> dict[PartFence, bool]:
        """Return the parts that the runner holds, each with whether it is to be ended."""
        columns = (PartRow.job_id, PartRow.number, PartRow.runner, PartRow.tries, PartRow.status)
        mine = PartRow.runner == self._liveness.name
        rows = self._database.rows(PartRow.select(*columns).where(mine))
        ending = [row.pop("status") == "ending" for row in rows]
        return {PartFence(**row): is_ending for row, is_ending in zip(rows, ending, strict=True)}

    def reload(self, fence: PartFence) -> ClaimedPart | None:
        """Return a part that the runner holds, as it was when claimed, or None."""
        rows = self._database.rows(PartRow.select(PartRow.spec).where(*_held(fence)))
        job = jobs_by_id(self._database, [fence.job_id]).get(fence.job_id)
        return ClaimedPart(job, fence, from_json_text(rows[0]["spec"])) if rows and job else None

    def settle(self, ended: EndedPart) -> bool:
        """Store how a part ended for its holder.

        Returns False if the part was to be ended, or another runner holds it. A part that was to be
        ended becomes ended instead.
        """
        outcome, fence, changes = ended.outcome, ended.fence, _added(ended.outcome)
        if outcome.kind == "killed" or (outcome.kind == "lost" and outcome.not_at_fault):
            status, changes = "queued", {}
        elif outcome.kind == "returned":
            status, changes["result"] = "done", outcome.result or "null"
            if ended.progress is not None:
                changes["progress"] = ended.progress
        else:
            status, cause = "failed", {"outcome": outcome.kind, "retryable": outcome.retryable}
            error = {**cause, "traceback": outcome.traceback, **(outcome.error or {})}
            changes["error"] = to_json_text(error)
        running = PartRow.update(status=status, runner=None, **changes).where(
            *_held(fence), PartRow.status == "running"
        )
        with self._database.transaction():
            changed = self._change(running) == 1
            if not changed:
                self._change(PartRow.update(status="ended", runner=None).where(*_held(fence)))
        return changed

    def _take(self, row: dict[str, Any], job: Job) -> ClaimedPart:
        fence = PartFence(job.id, row["number"], self._liveness.name, row["tries"] + 1)
        taken = PartRow.update(status="running", runner=fence.runner, tries=fence.tries)
        self._database.run(taken.where(*part_at(fence.job_id, fence.number)))
        return ClaimedPart(job, fence, from_json_text(row["spec"]))

    def _change(self, query: Any) -> int:
        with self._database.transaction():
            self._database.next_version(0)  # version lock first, as in all changes
            return self._database.changed(query)

    def _select_waiting(self, limit: int) -> Any:
        columns = (PartRow.job_id, PartRow.number, PartRow.tries, PartRow.spec)
        query = PartRow.select(*columns).join(JobRow, on=(JobRow.id == PartRow.job_id))
        query = query.where(_IS_QUEUED)
        if self._queues is not None:
            query = query.where(JobRow.queue.in_(sorted(self._queues)))
        first = (JobRow.priority.desc(), JobRow.run_at, PartRow.job_id, PartRow.number)
        return query.order_by(*first).limit(limit)


def part_at(job_id: UUID, number: int) -> tuple[pw.Expression, ...]:
    """Return the condition that selects one part."""
    return PartRow.job_id == job_id, PartRow.number == number


def _held(fence: PartFence) -> tuple[pw.Expression, ...]:
    holder = PartRow.runner == fence.runner, PartRow.tries == fence.tries
    return *part_at(fence.job_id, fence.number), *holder


def _added(outcome: AttemptOutcome) -> dict[str, Any]:
    """Return the changes that add the usage of a try.

    CPU seconds are summed up. The peak memory is that of the last try.
    """
    cpu = pw.fn.COALESCE(PartRow.cpu_seconds, 0.0) + (outcome.cpu_seconds or 0.0)
    return {"cpu_seconds": cpu, "peak_memory_bytes": outcome.peak_memory_bytes}


def select_holders() -> Any:
    """Return a query for the names of the runners that hold parts."""
    return PartRow.select(PartRow.runner).where(PartRow.runner.is_null(False))


def free_lost_parts(database: Database, runner: str) -> int:
    """Free the parts of a runner that is proved dead, and return their number.

    Only inside a transaction.
    """
    mine, lost = PartRow.runner == runner, PartRow.lost + 1
    is_poison = PartRow.status == "running", PartRow.lost + 1 >= MAX_LOST
    error = {"outcome": "lost", "retryable": True, **LOST_ERROR}
    failed = PartRow.update(status="failed", runner=None, lost=lost, error=to_json_text(error))
    ended = PartRow.update(status="ended", runner=None)
    freed = PartRow.update(status="queued", runner=None, lost=lost)
    return sum(
        database.changed(query)
        for query in (
            failed.where(mine, *is_poison),
            ended.where(mine, PartRow.status == "ending"),
            freed.where(mine),
        )
    )
