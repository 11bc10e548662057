"""`Claims`: the operations of the store for runners. `store` has those for clients.

A change of a running job takes effect only if the runner still holds its attempt. Otherwise it
returns False: another runner has settled the job, and this runner's view of it is stale.
"""

from collections.abc import Collection, Sequence
from typing import Any

from storage.claiming.candidates import CandidateFinder
from storage.claiming.claim import Claimer
from storage.claiming.job_parts import JobParts
from storage.claiming.part_claims import Parts
from storage.claiming.transaction import ClaimTransactions
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow, RunnerRow
from storage.db.parameters import parameter
from storage.files.space_reserve import SpaceReserve
from storage.jobs import output
from storage.jobs.open_queues import IS_RUNNING, open_queues
from storage.jobs.rows import fetch_jobs, select_jobs
from storage.jobs.transitions import Transitions
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import Wakeup
from storage.records.job import AttemptEnd, Fence, Job, Outcome, Usage
from storage.records.states import COMPLETE, CONFIRM_CANCEL, FAIL, RELEASE, RETRY

_UNKNOWN = Usage()


class Claims(ClaimTransactions):
    """Claims due jobs for one runner and settles them. For one thread.

    `queues` are the queues that the runner claims from, None for all.
    """

    def __init__(
        self,
        database: Database,
        wakeup: Wakeup,
        liveness: Liveness,
        clock: Clock,
        queues: Collection[str] | None = None,
    ):
        self._transitions = Transitions(database)
        finder = CandidateFinder(database, queues, liveness)
        claimer = Claimer(database, finder, liveness, clock)
        parts = Parts(database, liveness, queues, self.is_registered)
        job_parts = JobParts(database, liveness)
        super().__init__(database, wakeup, claimer, self._transitions.settled, parts, job_parts)
        self._reserve = SpaceReserve(database.file)
        self._liveness = liveness
        self._clock = clock
        self._queues = queues

    def make_room(self) -> None:
        """Release a piece of the space reserve: the disk is full, and a cancel is to be stored."""
        self._reserve.release()

    def register(self, slots: int) -> None:
        """Register the runner, before its first claim."""
        self._liveness.register(slots, self._clock(), self._queues)

    def deregister(self) -> None:
        """Remove the runner, after its last job was settled."""
        with self._database.transaction():
            self._database.run(RunnerRow.delete().where(RunnerRow.name == self._liveness.name))

    def is_registered(self) -> bool:
        """Return whether the runner is registered; if not, another runner took it for dead."""
        named = self._database.statement("registered", self._select_self)
        return bool(self._database.fetch(named, {"name": self._liveness.name}))

    def claim(self, limit: int, prefetch: int = 0) -> list[Job]:
        """Claim up to `limit` due jobs, ordered by priority, then by the time when they became due.

        Claims `prefetch` more jobs that wait in the runner until one of the others has ended, see
        `candidates.prefetchable`.
        """
        with self._database.transaction():
            return self._claimer.claim(limit, prefetch).jobs()

    def seconds_to_next(self) -> float | None:
        """Return the seconds until the next queued job in an open queue is due.

        Below 0 if one is due already, None if there is no such job.
        """
        queues = open_queues(self._database, self._queues)
        run_at = min((queue.next_run_at for queue in queues), default=None)
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

    def progress(self, fence: Fence, progress: str) -> bool:
        """Store the progress of a running job, as JSON text."""
        changes = {"progress": progress, "version": self._database.next_version()}
        guard = (JobRow.id == fence.job_id, JobRow.locked_by == fence.runner)
        update = JobRow.update(**changes).where(*guard, JobRow.attempt == fence.attempt)
        return self._database.changed(update) == 1

    def store_output(
        self, fence: Fence, pieces: Sequence[tuple[int, bytes]], max_bytes: int
    ) -> None:
        """Store new output of a running job, see `storage.jobs.output.store`."""
        with self._database.transaction():
            output.store(self._database, fence, pieces, max_bytes)

    def complete(self, fence: Fence, result: str, end: AttemptEnd) -> bool:
        """Record that the job succeeded. `result` is JSON text."""
        return self.complete_each([(fence, result, end)])[0]

    def complete_each(self, ends: Sequence[tuple[Fence, str, AttemptEnd]]) -> list[bool]:
        """Record that several jobs succeeded. Each has its fence, its result as JSON text and its
        end."""
        settlements = [(fence, end, {"result": result}) for fence, result, end in ends]
        return self._transitions.settle_each(COMPLETE, settlements, self._clock())

    def retry(self, fence: Fence, end: AttemptEnd, delay_ms: int) -> bool:
        """Record that the attempt failed, and queue the job again with a delay."""
        now = self._clock()
        changes = {"run_at": now + delay_ms, "retry_count": JobRow.retry_count + 1}
        return self._transitions.settle(RETRY, fence, end, now, **changes)

    def lose(self, job: Job, end: AttemptEnd, delay_ms: int) -> bool:
        """Record that the attempt lost its keeper, see `Transitions.lose`."""
        counts = job.loss_count + 1, job.max_losses
        return self._transitions.lose(job.fence, end, counts, self._clock(), delay_ms)

    def fail(self, fence: Fence, end: AttemptEnd) -> bool:
        """Record that the attempt failed for good."""
        return self._transitions.settle(FAIL, fence, end, self._clock())

    def release(self, fence: Fence, usage: Usage = _UNKNOWN, delay_ms: int = 0) -> bool:
        """Give the job back without using a retry, due after a delay."""
        now = self._clock()
        end = AttemptEnd(Outcome.RELEASED, usage=usage)
        return self._transitions.settle(
            RELEASE, fence, end, now, run_at=now + delay_ms, progress=None
        )

    def confirm_cancel(self, fence: Fence, end: AttemptEnd) -> bool:
        """Record that the job's process is gone, as a client requested."""
        return self._transitions.settle(CONFIRM_CANCEL, fence, end, self._clock())

    def _select_self(self) -> Any:
        named = RunnerRow.select(RunnerRow.name).where(RunnerRow.name == parameter(RunnerRow.name))
        return self._database.engine.share(named)


def _select_to_cancel() -> Any:
    return JobRow.select(JobRow.id, JobRow.attempt).where(
        IS_RUNNING,
        JobRow.locked_by == parameter(JobRow.locked_by),
        JobRow.cancel_requested_at.is_null(False),
    )
