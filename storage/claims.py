"""`Claims`: what runners ask of the store. What clients ask is in `store`.

A change of a job that a runner holds counts only while it holds that very attempt; refused, it
returns False: someone else has settled the job, and what this runner knows of it is stale.
"""

from collections.abc import Collection, Sequence
from typing import Any

from storage.claiming.candidates import CandidateFinder
from storage.claiming.claim import Claimer
from storage.claiming.job_parts import JobParts
from storage.claiming.parts import Parts
from storage.claiming.transaction import ClaimTransactions
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow, RunnerRow
from storage.db.parameters import parameter
from storage.jobs import output
from storage.jobs.open_queues import IS_RUNNING, open_queues
from storage.jobs.rows import fetch_jobs, select_jobs
from storage.jobs.transitions import Transitions
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import Wakeup
from storage.records.job import AttemptEnd, AttemptOutcome, Fence, Job, Usage
from storage.records.states import COMPLETE, CONFIRM_CANCEL, FAIL, RELEASE, RETRY

_UNKNOWN = Usage()


class Claims(ClaimTransactions):
    """Claims due jobs for one runner and settles them. For one thread.

    `queues` are those that the runner takes, None for all.
    """

    def __init__(
        self,
        database: Database,
        wakeup: Wakeup,
        liveness: Liveness,
        clock: Clock,
        queues: Collection[str] | None = None,
    ):
        self._moves = Transitions(database)
        lookout = CandidateFinder(database, queues, liveness)
        claiming = Claimer(database, lookout, liveness, clock)
        super().__init__(database, wakeup, claiming, self._moves.ends)
        self._liveness = liveness
        self._clock = clock
        self._queues = queues
        self.parts = Parts(database, liveness, queues, self.registered)
        self.job_parts = JobParts(database, liveness)

    def register(self, slots: int) -> None:
        """Make the runner known, before its first claim."""
        self._liveness.register(slots, self._clock(), self._queues)

    def deregister(self) -> None:
        """Take the runner off the list, after its last job was settled."""
        with self._database.transaction():
            self._database.run(RunnerRow.delete().where(RunnerRow.name == self._liveness.name))

    def registered(self) -> bool:
        """Whether the runner is known; if not, another one took it for dead."""
        named = self._database.statement("registered", self._select_self)
        return bool(self._database.fetch(named, {"name": self._liveness.name}))

    def claim(self, limit: int, ahead: int = 0) -> list[Job]:
        """Take up to `limit` due jobs, the highest priority first, then the longest due.

        And `ahead` more that are to wait until those have ended: only jobs that can be retried,
        since the end of the runner costs them an attempt that has not started.
        """
        with self._database.transaction():
            return self._claiming.claim(limit, ahead).jobs()

    def seconds_to_next(self) -> float | None:
        """Until the next queued job falls due that may be claimed, below 0 if one is; None if there
        is none, or none but in queues that are paused or full."""
        lanes = open_queues(self._database, self._queues)
        run_at = min((lane.next_run_at for lane in lanes), default=None)
        return None if run_at is None else (run_at - self._clock()) / 1000

    def held(self) -> list[Job]:
        """The running jobs of this runner, as the store has them."""
        query = select_jobs().where(IS_RUNNING, JobRow.locked_by == self._liveness.name)
        return fetch_jobs(self._database, query)

    def to_cancel(self) -> list[Fence]:
        """The running jobs of this runner that a client wants canceled."""
        canceled = self._database.statement("to cancel", _select_to_cancel)
        rows = self._database.fetch(canceled, {"locked_by": self._liveness.name})
        return [Fence(row["id"], self._liveness.name, row["attempt"]) for row in rows]

    def progress(self, fence: Fence, progress: str) -> bool:
        """Store how far a running job is, as JSON text."""
        changes = {"progress": progress, "version": self._database.next_version()}
        guard = (JobRow.id == fence.job_id, JobRow.locked_by == fence.runner)
        update = JobRow.update(**changes).where(*guard, JobRow.attempt == fence.attempt)
        return self._database.changed(update) == 1

    def printed(self, fence: Fence, pieces: Sequence[tuple[int, bytes]], most: int) -> None:
        """Keep what a running job has printed, see `output.write`."""
        with self._database.transaction():
            output.write(self._database, fence, pieces, most)

    def complete(self, fence: Fence, result: str, ended: AttemptEnd) -> bool:
        """The job succeeded; `result` is JSON text."""
        return self.complete_each([(fence, result, ended)])[0]

    def complete_each(self, ends: Sequence[tuple[Fence, str, AttemptEnd]]) -> list[bool]:
        """The same for many jobs."""
        given = [(fence, ended, {"result": result}) for fence, result, ended in ends]
        return self._moves.settle_each(COMPLETE, given, self._clock())

    def retry(self, fence: Fence, ended: AttemptEnd, delay_ms: int) -> bool:
        """The attempt ended badly: queue the job again, due after a delay."""
        now = self._clock()
        changes = {"run_at": now + delay_ms, "retry_count": JobRow.retry_count + 1}
        return self._moves.settle(RETRY, fence, ended, now, **changes)

    def fail(self, fence: Fence, ended: AttemptEnd) -> bool:
        """The attempt ended badly, and there is no other."""
        return self._moves.settle(FAIL, fence, ended, self._clock())

    def release(self, fence: Fence, usage: Usage = _UNKNOWN, delay_ms: int = 0) -> bool:
        """Give the job back without cost, due after a delay."""
        now = self._clock()
        ended = AttemptEnd(AttemptOutcome.RELEASED, usage=usage)
        return self._moves.settle(RELEASE, fence, ended, now, run_at=now + delay_ms, progress=None)

    def confirm_cancel(self, fence: Fence, ended: AttemptEnd) -> bool:
        """The job's process is gone, as a client wanted."""
        return self._moves.settle(CONFIRM_CANCEL, fence, ended, self._clock())

    def _select_self(self) -> Any:
        named = RunnerRow.select(RunnerRow.name).where(RunnerRow.name == parameter(RunnerRow.name))
        return self._database.share(named)


def _select_to_cancel() -> Any:
    return JobRow.select(JobRow.id, JobRow.attempt).where(
        IS_RUNNING,
        JobRow.locked_by == parameter(JobRow.locked_by),
        JobRow.cancel_requested_at.is_null(False),
    )
