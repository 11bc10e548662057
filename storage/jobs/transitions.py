"""Guarded transitions of jobs: each is one UPDATE with a guard made from the state table."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.statements import Row, Statement
from storage.jobs.file_rows import insert_files
from storage.jobs.statements import (
    end_attempt,
    guarded_update,
    move_first_attempt,
    restore_queue,
    select_job_type,
)
from storage.jobs.unique_keys import other_holder
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence
from storage.records.job_file import JobFile
from storage.records.json_values import Json
from storage.records.states import (
    ABANDON,
    CANCEL,
    CONFIRM_CANCEL,
    FINAL,
    REQUEST_CANCEL,
    REQUEUE,
    RESCUE,
    Status,
    Transition,
)

to_json_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Encode JSON as it is stored."""


@dataclass(frozen=True)
class Settlement:
    """An ended attempt, and the transition that its end causes."""

    transition: Transition
    fence: Fence
    outcome: AttemptOutcome
    changes: Row = field(default_factory=dict)
    """Further changes of the job."""
    delay_ms: int | None = None
    """For a job that waits again: when it is due."""
    progress: str | None = None
    """The last progress as JSON text; None keeps the stored one."""
    if_canceled: AttemptOutcome | None = None
    """The outcome if a client has asked to cancel the job, so that the transition is refused. None
    if the transition does not depend on that."""
    files: Sequence[JobFile] = ()
    """The files that the attempt has left. Their bytes are stored already."""


def loss(
    fence: Fence,
    outcome: AttemptOutcome,
    losses: int,
    max_losses: int,
    delay_ms: int,
    progress: str | None = None,
) -> Settlement:
    """Return the settlement of an attempt that lost its runner or keeper.

    `losses` counts the losses of the job, with this one. The job is due again after the delay. A
    job that has lost its worker too often fails, since it may be the cause.
    """
    changes = {"loss_count": losses}
    if losses <= max_losses:
        return Settlement(RESCUE, fence, outcome, changes, delay_ms, progress, outcome)
    times = "once" if losses == 1 else f"{losses} times"
    reason = f"more often than its max_losses of {max_losses} allows"
    message = (
        f"the job has lost its worker {times}, {reason}; the last time: {outcome.error_message}"
    )
    last = outcome._replace(error_type="Lost", error_message=message)
    return Settlement(ABANDON, fence, last, changes, None, progress, outcome)


class Transitions:
    """Applies transitions to jobs. Returns True for a changed job, False if the guard refused."""

    def __init__(self, database: Database):
        self._database = database
        self.traced: list[tuple[Settlement, int]] = []
        """The ends of traced attempts with their times. They count once they are committed; whoever
        runs the transaction empties the list."""

    def apply(self, transition: Transition, job_id: UUID, now: int, **changes: object) -> bool:
        """Apply a transition without a fence, to a job that any caller may change."""
        assert not transition.fenced, transition.name
        return self._change(transition, {"job_id": job_id}, now, changes)

    def cancel(self, job_id: UUID, now: int, by: str | None = None) -> bool:
        """Cancel a queued job, or request the cancel of a running one. Only inside a transaction.

        The first UPDATE takes the version lock, so a concurrent release is seen by either the first
        or the second UPDATE.
        """
        if self.apply(CANCEL, job_id, now, canceled_by=by):
            self._count_by_id(job_id, f"finished {Status.CANCELED}")
            return True
        return self.apply(REQUEST_CANCEL, job_id, now, cancel_requested_at=now, canceled_by=by)

    def expire(self, job_id: UUID, type: str, now: int, error: Json) -> None:
        """Cancel a queued job, of this type, that did not start in time; `error` is the reason."""
        if self.cancel_each([(job_id, type, error)], now) == [True]:
            self._database.counters.add(type, "expired")

    def replace(self, job_id: UUID, type: str, now: int, new_id: UUID, by: str | None) -> None:
        """Cancel a queued job, of this type, because a new one with its unique key replaces it.

        `by` is the name of the caller who submitted the new one.
        """
        message = f"the job {new_id} with the same unique key replaced this one"
        error = to_json_text({"type": "Replaced", "message": message})
        if self.apply(CANCEL, job_id, now, error=error, canceled_by=by):
            self._database.counters.add(type, f"finished {Status.CANCELED}")

    def cancel_each(self, jobs: Sequence[tuple[UUID, str, Json]], now: int) -> list[bool]:
        """Cancel queued jobs without a caller. Each is given with its type, and with the reason."""
        if not jobs:
            return []
        changes = [{"error": to_json_text(error)} for _, _, error in jobs]
        changes = self._with_versions(CANCEL, now, changes)
        rows = [
            {**change, "job_id": job_id}
            for change, (job_id, _, _) in zip(changes, jobs, strict=True)
        ]
        statement = self._statement(CANCEL, changes[0])
        canceled = self._database.change_each_guarded(statement, rows)
        for (_, type, _), is_changed in zip(jobs, canceled, strict=True):
            if is_changed:
                self._database.counters.add(type, f"finished {Status.CANCELED}")
        return canceled

    def requeue(self, job_id: UUID, now: int, **held: object) -> bool:
        """Queue a failed or canceled job again for a client, with all its retries and losses.

        It is due at once, unless `held` has the columns of a held job. Refused while another job
        holds its unique key.
        """
        ends = "finished_at", "error", "progress", "cancel_requested_at", "canceled_by"
        cleared = dict.fromkeys((*ends, "expires_at", "finish_by", "missed_at", "due_at", "holds"))
        changes = {**cleared, "run_at": now, **held}
        counts = {"retry_count": 0, "loss_count": 0, "client_retries": JobRow.client_retries + 1}
        self._database.next_version(0)  # so that the job stays as it is until it is changed here
        if other_holder(self._database, job_id):
            return False
        move = self._database.statement(
            "move first attempt", lambda: move_first_attempt(self._database)
        )
        self._database.change(move, {"id": job_id})
        if not self.apply(REQUEUE, job_id, now, **counts, **changes):
            return False
        self._count_by_id(job_id, "client_retry")
        restore = self._database.statement("restore queue", restore_queue)
        self._database.change(restore, {"id": job_id})
        return True

    def settle(self, settlements: Sequence[Settlement], now: int) -> list[bool]:
        """End attempts for their holders. Returns, for each, whether the runner still held it.

        Changes the jobs, and the rows of the attempts that have one. Settlements that change the
        same columns are sent together. Only inside a transaction.
        """
        accepted = self._settle(settlements, now)
        canceled = [
            (index, Settlement(CONFIRM_CANCEL, each.fence, outcome, progress=each.progress))
            for index, each in enumerate(settlements)
            if not accepted[index] and (outcome := each.if_canceled)
        ]
        confirmed = self._settle([each for _, each in canceled], now)
        for (index, _), is_confirmed in zip(canceled, confirmed, strict=True):
            accepted[index] = is_confirmed
        return accepted

    def _settle(self, settlements: Sequence[Settlement], now: int) -> list[bool]:
        groups = defaultdict[tuple[str, ...], list[tuple[int, Settlement, Row]]](list)
        for index, each in enumerate(settlements):
            changes = _job_changes(each, now)
            groups[each.transition.name, *changes].append((index, each, changes))
        accepted = [False] * len(settlements)
        for group in groups.values():
            indices, same, changes_of_each = zip(*group, strict=True)
            for index, is_changed in zip(
                indices, self._settle_group(same, changes_of_each, now), strict=True
            ):
                accepted[index] = is_changed
        return accepted

    def _settle_group(
        self, settlements: Sequence[Settlement], changes: Sequence[Row], now: int
    ) -> list[bool]:
        """Settle attempts whose jobs change by the same statement."""
        transition = settlements[0].transition
        changes = self._with_versions(transition, now, changes)
        rows = [
            {**change, **_fence_values(each.fence)}
            for change, each in zip(changes, settlements, strict=True)
        ]
        changed = self._database.change_each_guarded(self._statement(transition, changes[0]), rows)
        settled = [
            each for each, is_changed in zip(settlements, changed, strict=True) if is_changed
        ]
        ended = [_attempt_values(each, now) for each in settled if not _is_in_job(each)]
        if ended:
            end_each = self._database.statement("end", end_attempt)
            self._database.change_each_deferred(end_each, ended)
        files = [file for each in settled for file in each.files]
        if files:
            insert_files(self._database, files)
        for each in settled:
            self._count(each, now)
        return changed

    def _count(self, settlement: Settlement, now: int) -> None:
        counters = self._database.counters
        fence, target = settlement.fence, settlement.transition.target
        counters.add(fence.type, f"attempt {settlement.outcome.kind}")
        counters.observe(fence.type, "run", now - fence.started_at)
        if target in FINAL:
            counters.add(fence.type, f"finished {target}")
        if settlement.files:
            counters.add(fence.type, "files", len(settlement.files))
            counters.add(fence.type, "file bytes", sum(file.size for file in settlement.files))
        if fence.trace_origin:
            self.traced.append((settlement, now))

    def _count_by_id(self, job_id: UUID, name: str) -> None:
        job_type = self._database.statement("type", select_job_type)
        for row in self._database.fetch(job_type, {"id": job_id}):
            self._database.counters.add(row["type"], name)

    def _change(self, transition: Transition, guard: Row, now: int, changes: Row) -> bool:
        (change,) = self._with_versions(transition, now, [changes])
        return self._database.change(self._statement(transition, change), {**change, **guard}) == 1

    def _with_versions(self, transition: Transition, now: int, changes: Sequence[Row]) -> list[Row]:
        """Add versions, in the order of the changes, and the values that all changes have."""
        first_offset = self._database.next_version_offset(len(changes)) + len(changes) - 1
        common = {"finished_at": now} if transition.target in FINAL else {}
        return [
            {**common, "version": first_offset - index, **each}
            for index, each in enumerate(changes)
        ]

    def _statement(self, transition: Transition, changes: Row) -> Statement:
        # Expressions are part of the SQL text; a transition always has the same ones.
        key = (transition.name, *changes)
        return self._database.statement(key, lambda: guarded_update(transition, changes))


def _fence_values(fence: Fence) -> Row:
    return {"job_id": fence.job_id, "holder": fence.runner, "held_attempt": fence.attempt}


def _is_in_job(settlement: Settlement) -> bool:
    """Return whether the row of the job has the attempt, so that it needs no row of its own."""
    return settlement.fence.attempt == 1 and settlement.transition.target in FINAL


def _job_changes(settlement: Settlement, now: int) -> Row:
    """Return the changes of a job when its attempt ends."""
    outcome, error = settlement.outcome, settlement.outcome.error
    changes = {"error": error and to_json_text(error), **settlement.changes}
    if settlement.progress is not None:
        changes["progress"] = settlement.progress
    if settlement.files:
        changes["file_count"] = len(settlement.files)
    if settlement.delay_ms is not None:
        changes["run_at"] = now + settlement.delay_ms
    if not _is_in_job(settlement):
        return changes
    return {
        **changes,
        "first_runner": settlement.fence.runner,
        "first_outcome": outcome.kind,
        "first_traceback": outcome.traceback,
        "first_cpu_seconds": outcome.cpu_seconds,
        "first_peak_memory_bytes": outcome.peak_memory_bytes,
        "first_pid": outcome.pid,
    }


def _attempt_values(settlement: Settlement, now: int) -> Row:
    """Return the values for the row of an attempt when it ends."""
    fence, outcome, error = settlement.fence, settlement.outcome, settlement.outcome.error
    return {
        "job_id": fence.job_id,
        "number": fence.attempt,
        "runner": fence.runner,
        "started_at": fence.started_at,
        "finished_at": now,
        "outcome": outcome.kind,
        "error": error and to_json_text(error),
        "traceback": outcome.traceback,
        "cpu_seconds": outcome.cpu_seconds,
        "peak_memory_bytes": outcome.peak_memory_bytes,
        "pid": outcome.pid,
    }
