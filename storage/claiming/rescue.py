"""Rescues the jobs of runners that are proved dead."""

from collections.abc import Callable

import peewee as pw

from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow, RunnerRow
from storage.db.statements import Row
from storage.jobs.open_queues import IS_RUNNING
from storage.jobs.transitions import Settlement, Transitions, loss
from storage.liveness.liveness import Liveness
from storage.liveness.lost_runners import record_lost_runner
from storage.notify.wakeup import LISTENER, WORKER, Wakeup, notifying_transaction
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence, StoreInDoubt
from storage.records.states import CONFIRM_CANCEL, Status
from storage.records.trace_context import trace_origin

LOST = AttemptOutcome(
    "lost", error_type="Lost", error_message="the runner ended without settling the job"
)


class Rescuer:
    """Rescues jobs of dead runners, on behalf of a living one.

    `backoff_ms(n)` is the wait after the n-th loss of a job, counted from the death of its
    processes.
    """

    def __init__(
        self,
        database: Database,
        wakeup: Wakeup,
        liveness: Liveness,
        backoff_ms: Callable[[int], int],
        clock: Clock,
    ):
        self._database = database
        self._wakeup = wakeup
        self._liveness = liveness
        self._backoff_ms = backoff_ms
        self._clock = clock
        self._transitions = Transitions(database)
        self.traced: list[tuple[Settlement, int]] = []
        """The ends of traced attempts that the last `rescue` has stored, with their times."""

    def rescue(self) -> int:
        """Settle the jobs of all dead runners, and return their number."""
        self.traced.clear()
        return sum(self._rescue_runner(name) for name in self._other_runners())

    def _other_runners(self) -> set[str]:
        statement = self._database.statement("runners", _select_runners)
        names = {row["name"] for row in self._database.fetch(statement, {})}
        return names - {self._liveness.name}

    def _rescue_runner(self, name: str) -> int:
        self._transitions.traced.clear()
        try:
            rescued = self._settle_all(name)
        except StoreInDoubt:
            self.traced += self._transitions.traced
            raise
        self.traced += self._transitions.traced
        return rescued

    def _settle_all(self, name: str) -> int:
        with notifying_transaction(self._wakeup, self._database) as woken:
            if not self._liveness.is_dead(name):
                return 0
            held = JobRow.select().where(IS_RUNNING, JobRow.locked_by == name)
            targets = [self._rescue_job(row) for row in self._database.rows(held)]
            self._database.next_version(0)  # version lock first, also if no job was changed
            _free_parts(self._database, name)
            rescued = sum(each is not None for each in targets)
            queued_again = targets.count(Status.QUEUED)
            record_lost_runner(self._database, name, queued_again, rescued - queued_again)
            self._database.run(RunnerRow.delete().where(RunnerRow.name == name))
            if rescued:
                woken += [WORKER, LISTENER]
        self._liveness.clean_up_after(name)
        return rescued

    def _rescue_job(self, row: Row) -> Status | None:
        """Settle a job; return its new status, None if it had another one already."""
        fields = row["id"], row["locked_by"], row["attempt"], row["type"], row["started_at"]
        fence = Fence(*fields, trace_origin(row["traceparent"], row["created_at"], row["run_at"]))
        losses = row["loss_count"] + 1
        if row["cancel_requested_at"] is not None:
            settlement = Settlement(CONFIRM_CANCEL, fence, LOST)
        else:
            remaining_ms = max(0, self._backoff_ms(losses) - self._liveness.min_dead_ms)
            settlement = loss(fence, LOST, losses, row["max_losses"], remaining_ms)
        (rescued,) = self._transitions.settle([settlement], self._clock())
        if not rescued:
            return None
        self._database.counters.add(row["type"], "rescue")
        return settlement.transition.target


def _select_runners() -> pw.Query:
    """Select the runners that are registered, or hold a job."""
    holding = JobRow.select(JobRow.locked_by).where(IS_RUNNING)
    return RunnerRow.select(RunnerRow.name) | holding


def _free_parts(database: Database, runner: str) -> None:
    """Give back the parts of a dead runner of release 0.2.0, which another one waits for.

    Only inside a transaction. That release splits jobs into parts.
    """
    part = pw.Table("part")
    ending = (part.c.runner == runner) & (part.c.status == "ending")
    freed = {part.c.status: "queued", part.c.runner: None, part.c.lost: part.c.lost + 1}
    database.run(part.update({part.c.status: "ended", part.c.runner: None}).where(ending))
    database.run(part.update(freed).where(part.c.runner == runner))
