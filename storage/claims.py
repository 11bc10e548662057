"""`Claims`: what runners ask of the store. What clients ask is in `store`.

A change of a job that a runner holds counts only while it holds that very attempt; refused, it
returns False: someone else has settled the job, and what this runner knows of it is stale.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import peewee as pw

from storage.database import Database
from storage.job import Ended, Fence, Job, Outcome
from storage.liveness import Liveness
from storage.models import AttemptRow, JobRow, RunnerRow
from storage.moves import Moves
from storage.rows import fetch_jobs, select_jobs
from storage.states import (
    CLAIM,
    COMPLETE,
    CONFIRM_CANCEL,
    FAIL,
    RELEASE,
    RETRY,
)
from storage.store import now_ms
from storage.wakeup import LISTENER, Wakeup

# As literals, since an engine uses a partial index only where it can prove its condition.
IS_QUEUED = pw.SQL("status = 'queued'")
IS_RUNNING = pw.SQL("status = 'running'")


class Claims:
    """Claims due jobs for one runner and settles them. For one thread."""

    def __init__(
        self,
        database: Database,
        wakeup: Wakeup,
        liveness: Liveness,
        clock: Callable[[], int] = now_ms,
    ):
        self._database = database
        self._wakeup = wakeup
        self._liveness = liveness
        self._clock = clock
        self._moves = Moves(database)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One transaction around all that a turn changes, then a wake-up of the listeners."""
        with self._database.transaction():
            before = self._moves.settled
            yield
        if self._moves.settled != before:
            self._wakeup.notify(LISTENER)

    def register(self, slots: int) -> None:
        """Make the runner known, before its first claim."""
        self._liveness.register(slots, self._clock())

    def deregister(self) -> None:
        """Take the runner off the list, after its last job was settled."""
        with self._database.transaction():
            self._database.run(RunnerRow.delete().where(RunnerRow.name == self._liveness.name))

    def registered(self) -> bool:
        """Whether the runner is known; if not, another one took it for dead."""
        query = RunnerRow.select(RunnerRow.name).where(RunnerRow.name == self._liveness.name)
        return bool(self._database.rows(self._database.share(query)))

    def claim(self, limit: int) -> list[Job]:
        """Take up to `limit` due jobs, the highest priority first, then the longest due."""
        with self._database.transaction():
            if limit < 1 or not self.registered():
                return []
            now = self._clock()
            due = (
                JobRow.select(JobRow.id, JobRow.attempt)
                .where(IS_QUEUED, JobRow.run_at <= now)
                .order_by(JobRow.priority.desc(), JobRow.run_at, JobRow.id)
                .limit(limit)
            )
            rows = self._database.rows(self._database.for_update(due))
            ids = [row["id"] for row in rows if self._claim(row["id"], row["attempt"] + 1, now)]
            jobs = fetch_jobs(self._database, select_jobs().where(JobRow.id.in_(ids)))
            return sorted(jobs, key=lambda job: ids.index(job.id))

    def next_run_at(self) -> int | None:
        """When the next queued job falls due (ms since 1970), None if none is queued."""
        query = JobRow.select(pw.fn.MIN(JobRow.run_at).alias("run_at")).where(IS_QUEUED)
        found = self._database.rows(query)[0]["run_at"]
        return None if found is None else int(found)

    def held(self) -> list[Job]:
        """The running jobs of this runner, as the store has them."""
        query = select_jobs().where(IS_RUNNING, JobRow.locked_by == self._liveness.name)
        return fetch_jobs(self._database, query)

    def to_cancel(self) -> list[Fence]:
        """The running jobs of this runner that a client wants canceled."""
        query = JobRow.select(JobRow.id, JobRow.attempt).where(
            IS_RUNNING,
            JobRow.locked_by == self._liveness.name,
            JobRow.cancel_requested_at.is_null(False),
        )
        rows = self._database.rows(query)
        return [Fence(row["id"], self._liveness.name, row["attempt"]) for row in rows]

    def progress(self, fence: Fence, progress: str) -> bool:
        """Store how far a running job is, as JSON text."""
        changes = {"progress": progress, "version": self._database.next_version()}
        guard = (JobRow.id == fence.job_id, JobRow.locked_by == fence.runner)
        update = JobRow.update(**changes).where(*guard, JobRow.attempt == fence.attempt)
        return self._database.changed(update) == 1

    def complete(self, fence: Fence, result: str, ended: Ended) -> bool:
        """The job succeeded; `result` is JSON text."""
        return self._moves.settle(COMPLETE, fence, ended, self._clock(), result=result)

    def retry(self, fence: Fence, ended: Ended, delay_ms: int) -> bool:
        """The attempt ended badly: queue the job again, due after a delay."""
        now = self._clock()
        changes = {"run_at": now + delay_ms, "retry_count": JobRow.retry_count + 1}
        return self._moves.settle(RETRY, fence, ended, now, **changes)

    def fail(self, fence: Fence, ended: Ended) -> bool:
        """The attempt ended badly, and there is no other."""
        return self._moves.settle(FAIL, fence, ended, self._clock())

    def release(self, fence: Fence, delay_ms: int = 0) -> bool:
        """Give the job back without cost, due after a delay."""
        now = self._clock()
        ended = Ended(Outcome.RELEASED)
        return self._moves.settle(RELEASE, fence, ended, now, run_at=now + delay_ms, progress=None)

    def confirm_cancel(self, fence: Fence, ended: Ended) -> bool:
        """The job's process is gone, as a client wanted."""
        return self._moves.settle(CONFIRM_CANCEL, fence, ended, self._clock())

    def _claim(self, job_id: UUID, attempt: int, now: int) -> bool:
        changes = {"attempt": attempt, "locked_by": self._liveness.name, "started_at": now}
        if not self._moves.free(CLAIM, job_id, now, **changes, progress=None):
            return False
        row = {"job_id": job_id, "number": attempt, "runner": self._liveness.name}
        self._database.run(AttemptRow.insert(**row, started_at=now))
        return True
