"""The parts of jobs that are done in parts, as rows. A job's own runner makes and ends them
(`job_parts`), any runner with a free slot does them.

               ┌──── give back, lost ───┐
               ▼                        │
    make ─▶ queued ──────claim──────▶ running ──done──▶ done ─▶ folded by the job's runner
               │                       │   └────fail──▶ failed ─▶ the attempt fails
               └──────end──▶ ended ◀── ending ◀──end────┘

Only who holds a part settles it, told by its runner and its number of tries: a fence, as for jobs.
Parts outlast the end of the attempt that has made them, so that the next one goes on with them; a
final job has none.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.part_row import PartRow
from storage.jobs.rows import from_json_text, jobs_by_id
from storage.jobs.transitions import to_json_text
from storage.liveness.liveness import Liveness
from storage.records.job import Job, Json, Usage

MOST_LOST = 3
"""A part that has met the end of so many runners may be what ended them."""
LOST_ERROR = {"type": "Lost", "message": "the runner ended without settling a part of the job"}

# As a literal, for the partial index.
_IS_QUEUED = pw.SQL("\"t1\".status = 'queued'")


@dataclass(frozen=True)
class PartFence:
    """What the holder of a part must still hold for its word to count."""

    job_id: UUID
    number: int
    runner: str
    tries: int


@dataclass(frozen=True)
class ClaimedPart:
    """A part that was claimed, of a job; `spec` is what its job type has to know of it."""

    job: Job
    fence: PartFence
    spec: Any


class Parts:
    """What a runner asks that does parts. For one thread; methods raise StoreError."""

    def __init__(
        self,
        database: Database,
        liveness: Liveness,
        queues: Collection[str] | None,
        registered: Callable[[], bool],
    ):
        """`queues` are those that the runner takes, None for all; `registered` tells, inside a
        transaction, whether the runner is known."""
        self._database = database
        self._liveness = liveness
        self._queues = queues
        self._registered = registered
        self._settled = False

    def take_news(self) -> bool:
        """Whether any part was settled since this was last asked: its job's runner waits for it."""
        settled, self._settled = self._settled, False
        return settled

    def waiting(self, limit: int) -> int:
        """How many parts wait that the runner may take; up to a limit."""
        waiting = self._database.statement(("parts", limit), lambda: self._select_waiting(limit))
        return len(self._database.fetch(waiting, {}))

    def claim(self, limit: int) -> list[ClaimedPart]:
        """Take up to `limit` parts: of the job of the highest priority, then of the first."""
        with self._database.transaction():
            if limit < 1 or not self._registered():
                return []
            self._database.next_version(0)  # as in all other changes: nobody claims meanwhile
            rows = self._database.rows(self._select_waiting(limit))
            jobs = jobs_by_id(self._database, [row["job_id"] for row in rows]) if rows else {}
            return [self._take(row, jobs[row["job_id"]]) for row in rows]

    def held(self) -> dict[PartFence, bool]:
        """The parts that the runner holds, and whether each is to be ended."""
        columns = (PartRow.job_id, PartRow.number, PartRow.runner, PartRow.tries, PartRow.status)
        mine = PartRow.runner == self._liveness.name
        rows = self._database.rows(PartRow.select(*columns).where(mine))
        ending = [row.pop("status") == "ending" for row in rows]
        return {PartFence(**row): is_ending for row, is_ending in zip(rows, ending, strict=True)}

    def again(self, fence: PartFence) -> ClaimedPart | None:
        """A part that the runner holds, as it was when it was claimed; None if it does not."""
        rows = self._database.rows(PartRow.select(PartRow.spec).where(*_held(fence)))
        job = jobs_by_id(self._database, [fence.job_id]).get(fence.job_id)
        return ClaimedPart(job, fence, from_json_text(rows[0]["spec"])) if rows and job else None

    def progress(self, fence: PartFence, progress: str) -> None:
        """Store how far a part is, as JSON text."""
        self._change(PartRow.update(progress=progress).where(*_held(fence)))

    def done(self, fence: PartFence, result: str, progress: str | None, usage: Usage) -> bool:
        """A part has its result, JSON text. False if it was to be ended, or is another's."""
        last = {} if progress is None else {"progress": progress}
        return self._settle(fence, "done", result=result, **last, **_added(usage))

    def fail(self, fence: PartFence, error: Json, usage: Usage) -> bool:
        """A part has failed, and with it the attempt; `error` tells how. False as above."""
        return self._settle(fence, "failed", error=to_json_text(error), **_added(usage))

    def give_back(self, fence: PartFence) -> bool:
        """A part was not done, and another runner may do it. False as above."""
        return self._settle(fence, "queued")

    def _take(self, row: dict[str, Any], job: Job) -> ClaimedPart:
        fence = PartFence(job.id, row["number"], self._liveness.name, row["tries"] + 1)
        taken = PartRow.update(status="running", runner=fence.runner, tries=fence.tries)
        self._database.run(taken.where(*part_at(fence.job_id, fence.number)))
        return ClaimedPart(job, fence, from_json_text(row["spec"]))

    def _settle(self, fence: PartFence, status: str, **changes: Any) -> bool:
        """The end of a try, for its holder alone; of one that was to be ended, that it has."""
        self._settled = True
        running = PartRow.update(status=status, runner=None, **changes).where(
            *_held(fence), PartRow.status == "running"
        )
        with self._database.transaction():
            moved = self._change(running) == 1
            if not moved:
                self._change(PartRow.update(status="ended", runner=None).where(*_held(fence)))
        return moved

    def _change(self, query: Any) -> int:
        with self._database.transaction():
            self._database.next_version(0)  # as in all other changes, before a row is locked
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
    """The condition for one part."""
    return PartRow.job_id == job_id, PartRow.number == number


def _held(fence: PartFence) -> tuple[pw.Expression, ...]:
    holder = PartRow.runner == fence.runner, PartRow.tries == fence.tries
    return *part_at(fence.job_id, fence.number), *holder


def _added(usage: Usage) -> dict[str, Any]:
    """What a part has used in all its tries; the peak is that of the last."""
    cpu = pw.fn.COALESCE(PartRow.cpu_seconds, 0.0) + (usage.cpu_seconds or 0.0)
    return {"cpu_seconds": cpu, "peak_memory_bytes": usage.peak_memory_bytes}


def select_holders() -> Any:
    """A query for the runners that hold parts."""
    return PartRow.select(PartRow.runner).where(PartRow.runner.is_null(False))


def free_lost_parts(database: Database, runner: str) -> int:
    """Free the parts of a runner that is proved dead; how many there were. In a transaction."""
    mine, lost = PartRow.runner == runner, PartRow.lost + 1
    is_poison = PartRow.status == "running", PartRow.lost + 1 >= MOST_LOST
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
