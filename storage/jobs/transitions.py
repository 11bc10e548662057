"""Guarded transitions of jobs: each is one UPDATE with a guard made from the state table."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.statements import Statement
from storage.jobs.statements import (
    end_attempt,
    guarded_update,
    move_first_attempt,
    restore_queue,
    select_job_type,
)
from storage.records.attempt_ends import SettledPublisher
from storage.records.job import AttemptEnd, Fence, Json
from storage.records.states import (
    ABANDON,
    CANCEL,
    FINAL,
    REQUEST_CANCEL,
    REQUEUE,
    RESCUE,
    Status,
    Transition,
)

to_json_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Encode JSON as it is stored."""


Settlement = tuple[Fence, AttemptEnd, dict[str, Any]]
"""The fence of an attempt, how it ended, and further changes of its job."""


class Transitions:
    """Applies transitions to jobs. Returns True for a changed job, False if the guard refused."""

    def __init__(self, database: Database):
        self._database = database
        self.settled = SettledPublisher()

    def apply(self, transition: Transition, job_id: UUID, now: int, **changes: Any) -> bool:
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

    def requeue(self, job_id: UUID, now: int) -> bool:
        """Retry a failed or canceled job for a client. It gets all its retries and losses again."""
        cleared = dict.fromkeys(
            ("finished_at", "error", "progress", "cancel_requested_at", "canceled_by")
        )
        counts = {"retry_count": 0, "loss_count": 0, "client_retries": JobRow.client_retries + 1}
        self._database.next_version(0)  # so that the job stays as it is until it is changed here
        move = self._database.statement(
            "move first attempt", lambda: move_first_attempt(self._database)
        )
        self._database.change(move, {"id": job_id})
        if not self.apply(REQUEUE, job_id, now, run_at=now, **counts, **cleared):
            return False
        self._count_by_id(job_id, "client_retry")
        restore = self._database.statement("restore queue", restore_queue)
        self._database.change(restore, {"id": job_id})
        return True

    def lose(
        self, fence: Fence, end: AttemptEnd, counts: tuple[int, int], now: int, delay_ms: int
    ) -> bool:
        """End an attempt that lost its runner or keeper. `counts` are the losses of the job, with
        this one, and how many it may have.

        The job is due again after the delay. A job that has lost its worker too often fails, since
        it may be the cause.
        """
        losses, max_losses = counts
        if losses <= max_losses:
            return self.settle(RESCUE, fence, end, now, run_at=now + delay_ms, loss_count=losses)
        last = replace(end, error=_lost_too_often(end.error or {}, losses, max_losses))
        return self.settle(ABANDON, fence, last, now, loss_count=losses)

    def settle(
        self, transition: Transition, fence: Fence, end: AttemptEnd, now: int, **changes: Any
    ) -> bool:
        """End an attempt for its holder: change the job, and the row of the attempt if it has one.

        A first attempt that makes its job final needs no row: the row of the job has it.
        """
        return self.settle_each(transition, [(fence, end, changes)], now)[0]

    def settle_each(
        self, transition: Transition, settlements: Sequence[Settlement], now: int
    ) -> list[bool]:
        """Settle several attempts at once, at a lower cost per attempt. Returns one bool each."""
        assert transition.fenced, transition.name
        if not settlements:
            return []
        with self._database.transaction():
            changes = [
                {**_job_changes(transition, fence, end), **more} for fence, end, more in settlements
            ]
            changes = self._with_versions(transition, now, changes)
            if any(change.keys() != changes[0].keys() for change in changes):
                return [
                    self.settle(transition, fence, end, now, **more)
                    for fence, end, more in settlements
                ]
            changed = self._settle_rows(transition, settlements, changes, now)
            for (fence, end, _), is_changed in zip(settlements, changed, strict=True):
                if is_changed:
                    self._count(transition, fence, end, now)
        return changed

    def _settle_rows(
        self,
        transition: Transition,
        settlements: Sequence[Settlement],
        changes: Sequence[dict[str, Any]],
        now: int,
    ) -> list[bool]:
        rows = [
            {**change, **_fence_values(fence)}
            for change, (fence, _, _) in zip(changes, settlements, strict=True)
        ]
        changed = self._database.change_each_guarded(self._statement(transition, changes[0]), rows)
        ended = [
            _attempt_values(fence, end, now)
            for (fence, end, _), is_changed in zip(settlements, changed, strict=True)
            if is_changed and not _is_in_job(transition, fence)
        ]
        if ended:
            end_each = self._database.statement("end", end_attempt)
            self._database.change_each_deferred(end_each, ended)
        return changed

    def _count(self, transition: Transition, fence: Fence, end: AttemptEnd, now: int) -> None:
        counters = self._database.counters
        counters.add(fence.type, f"attempt {end.outcome}")
        counters.observe(fence.type, "run", now - fence.started_at)
        if transition.target in FINAL:
            counters.add(fence.type, f"finished {transition.target}")
        self.settled.record(fence, end, transition.target, now)

    def _count_by_id(self, job_id: UUID, name: str) -> None:
        job_type = self._database.statement("type", select_job_type)
        for row in self._database.fetch(job_type, {"id": job_id}):
            self._database.counters.add(row["type"], name)

    def _change(
        self, transition: Transition, guard: dict[str, Any], now: int, changes: dict[str, Any]
    ) -> bool:
        (change,) = self._with_versions(transition, now, [changes])
        return self._database.change(self._statement(transition, change), {**change, **guard}) == 1

    def _with_versions(
        self, transition: Transition, now: int, changes: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Add versions, in the order of the changes, and the values that all changes have."""
        first_offset = self._database.next_version_offset(len(changes)) + len(changes) - 1
        common = {"finished_at": now} if transition.target in FINAL else {}
        return [
            {**common, "version": first_offset - index, **each}
            for index, each in enumerate(changes)
        ]

    def _statement(self, transition: Transition, changes: dict[str, Any]) -> Statement:
        # Expressions are part of the SQL text; a transition always has the same ones.
        key = (transition.name, *changes)
        return self._database.statement(key, lambda: guarded_update(transition, changes))


def _lost_too_often(error: Json, losses: int, max_losses: int) -> Json:
    times = "once" if losses == 1 else f"{losses} times"
    reason = f"more often than its max_losses of {max_losses} allows"
    last = f"the last time: {error.get('message')}"
    return {"type": "Lost", "message": f"the job has lost its worker {times}, {reason}; {last}"}


def _fence_values(fence: Fence) -> dict[str, Any]:
    return {"job_id": fence.job_id, "holder": fence.runner, "held_attempt": fence.attempt}


def _is_in_job(transition: Transition, fence: Fence) -> bool:
    """Return whether the row of the job has the attempt, so that it needs no row of its own."""
    return fence.attempt == 1 and transition.target in FINAL


def _job_changes(transition: Transition, fence: Fence, end: AttemptEnd) -> dict[str, Any]:
    """Return the changes of a job when its attempt ends."""
    progress = {} if end.progress is None else {"progress": end.progress}
    changes = {"error": end.error and to_json_text(end.error), **progress}
    if not _is_in_job(transition, fence):
        return changes
    first = {
        "runner": fence.runner,
        "outcome": end.outcome,
        "traceback": end.traceback,
        **vars(end.usage),
    }
    return {**changes, **{f"first_{name}": value for name, value in first.items()}}


def _attempt_values(fence: Fence, end: AttemptEnd, now: int) -> dict[str, Any]:
    """Return the values for the row of an attempt when it ends."""
    return {
        "job_id": fence.job_id,
        "number": fence.attempt,
        "runner": fence.runner,
        "started_at": fence.started_at,
        "finished_at": now,
        "outcome": end.outcome,
        "error": end.error and to_json_text(end.error),
        "traceback": end.traceback,
        **vars(end.usage),
    }
