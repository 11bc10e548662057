"""Retries ended jobs for clients. A retried job waits again for the jobs of its submission.

Its `after` and its `input` hold for good, so it never starts without them:

    queued or running predecessor           it waits for the end
    predecessor that has failed             it is not retried before that one is, unless it runs
                                            whether its predecessors succeed or not
    predecessor that has succeeded          its result becomes the input, unless it is there already
    predecessor that was deleted            it holds nothing up; without its result, no retry
"""

from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.jobs.rows import jobs_by_id
from storage.jobs.transitions import Transitions
from storage.jobs.unique_keys import KeyHolder, other_holder
from storage.records.holds import HELD, Hold
from storage.records.job import Job
from storage.records.states import FINAL, REQUEUE, Status
from storage.waiting.batch_ends import wait_for_batch
from storage.waiting.dependencies import CANCEL, Waiting, forget_predecessors, statuses_of, wait_for
from storage.waiting.inputs import FIELD, payload_of


@dataclass(frozen=True)
class UnmetPredecessors:
    """The predecessors that keep a job from being retried, since they have not succeeded.

    With `is_deleted`, `ids` has the deleted job whose result was to become the input.
    """

    ids: tuple[UUID, ...]
    is_deleted: bool = False


Retried = bool | KeyHolder | UnmetPredecessors
"""True for a retried job, or why it was not retried: False for its status."""


def retry(database: Database, transitions: Transitions, job_id: UUID, now: int) -> Retried:
    """Queue a failed or canceled job again. Only inside a transaction.

    The caller then reacts to the outbox `ended`, if the job is held.
    """
    database.next_version(0)  # so that the job and its predecessors stay as they are
    job = jobs_by_id(database, [job_id], ("payload", "result", "attempts")).get(job_id)
    if job is None or job.status not in REQUEUE.sources:
        return False
    statuses = statuses_of(database, job.after) if job.after else {}
    waiting = _waiting_again(database, job, statuses)
    if isinstance(waiting, UnmetPredecessors):
        return waiting
    holds = Hold.PREDECESSORS if waiting.left(statuses) else Hold(0)
    if (job.holds or 0) & Hold.BATCH and wait_for_batch(database, job).count:
        holds |= Hold.BATCH
    held = {"run_at": HELD, "due_at": now, "holds": holds} if holds else {}
    if not transitions.requeue(job_id, now, **held):
        return other_holder(database, job_id) or False
    if holds:
        _keep_holds(database, job_id, holds, now)
    if job.after:
        forget_predecessors(database, [job_id])  # it may have been canceled while it waited
        wait_for(database, [waiting], statuses)
    return True


def _waiting_again(
    database: Database, job: Job, statuses: dict[UUID, Status]
) -> Waiting | UnmetPredecessors:
    """Return what a job has to wait for again, or why it cannot."""
    cancels, source = job.on_failure == CANCEL, job.input_from
    if source:
        payload = payload_of(database, job.id)
        if payload.get(FIELD) is not None or (FIELD in payload and source not in statuses):
            source = None
        elif source not in statuses:
            return UnmetPredecessors((source,), is_deleted=True)
    failed = FINAL - {Status.SUCCEEDED}
    if cancels and (unmet := [each for each in job.after if statuses.get(each) in failed]):
        return UnmetPredecessors(tuple(unmet))
    stored = [each for each in job.after if each in statuses]
    return Waiting(job.id, stored, cancels, source)


def _keep_holds(database: Database, job_id: UUID, holds: Hold, now: int) -> None:
    """Hold a requeued job: if it has a concurrency key, a trigger has replaced what holds it."""
    both = pw.fn.COALESCE(JobRow.holds, 0).bin_or(holds.value)
    statement = database.statement(
        ("keep holds", holds),
        lambda: JobRow.update(holds=both, due_at=parameter(JobRow.due_at)).where(
            JobRow.id == parameter(JobRow.id)
        ),
    )
    database.change(statement, {"id": job_id, "due_at": now})
