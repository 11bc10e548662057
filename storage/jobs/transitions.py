"""The one statement by which a job changes: an UPDATE with a guard made from the state table."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.statements import Statement
from storage.jobs.statements import end_attempt, guarded, queue_again, select_type
from storage.records.attempt_ends import SettledObserver
from storage.records.job import AttemptEnd, Fence
from storage.records.states import CANCEL, FINAL, REQUEST_CANCEL, REQUEUE, Status, Transition

to_json_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""JSON text as it is stored."""


Settlement = tuple[Fence, AttemptEnd, dict[str, Any]]
"""The end of an attempt: for whom, how, and what else it changes of the job."""


class Transitions:
    """Changes of one job each; True if the job changed, False if its guard refused."""

    def __init__(self, database: Database):
        self._database = database
        self.ends = SettledObserver()

    def free(self, transition: Transition, job_id: UUID, now: int, **changes: Any) -> bool:
        """A change that anyone may make."""
        assert not transition.fenced, transition.name
        return self._move(transition, {"the job": job_id}, now, changes)

    def cancel(self, job_id: UUID, now: int, by: str | None = None) -> bool:
        """Cancel a queued job, or note that a running one is to be; inside a transaction.

        From the first change on, which numbers itself, nobody else can make one: a job that is
        released just now is met by one of the two.
        """
        if self.free(CANCEL, job_id, now, canceled_by=by):
            self._tally(job_id, f"finished {Status.CANCELED}")
            return True
        return self.free(REQUEST_CANCEL, job_id, now, cancel_requested_at=now, canceled_by=by)

    def requeue(self, job_id: UUID, now: int) -> bool:
        """The retry that a client asks for: a fresh allowance, and nothing of the end is left."""
        ended = ("finished_at", "error", "progress", "cancel_requested_at", "canceled_by")
        forgotten = dict.fromkeys(ended)
        counted = {"retry_count": 0, "client_retries": JobRow.client_retries + 1}
        if not self.free(REQUEUE, job_id, now, run_at=now, **counted, **forgotten):
            return False
        self._tally(job_id, "client_retry")
        self._database.change(self._database.statement("queue again", queue_again), {"id": job_id})
        return True

    def settle(
        self, transition: Transition, fence: Fence, ended: AttemptEnd, now: int, **changes: Any
    ) -> bool:
        """The end of an attempt, for its holder alone: the job's change and the attempt's row."""
        return self.settle_each(transition, [(fence, ended, changes)], now)[0]

    def settle_each(
        self, transition: Transition, ends: Sequence[Settlement], now: int
    ) -> list[bool]:
        """The same for many, at less cost for each."""
        assert transition.fenced, transition.name
        if not ends:
            return []
        with self._database.transaction():
            changes = [{**_of_end(ended), **more} for _, ended, more in ends]
            moves = self._numbered(transition, now, changes)
            if any(move.keys() != moves[0].keys() for move in moves):
                return [self.settle(transition, *end[:2], now, **end[2]) for end in ends]
            moved = self._end_each(transition, ends, moves, now)
            for (fence, ended, _), is_moved in zip(ends, moved, strict=True):
                if is_moved:
                    self._count(transition, fence, ended, now)
        return moved

    def _end_each(
        self,
        transition: Transition,
        ends: Sequence[Settlement],
        moves: Sequence[dict[str, Any]],
        now: int,
    ) -> list[bool]:
        rows = [
            {**move, **_of_attempt(fence, ended, now)}
            for move, (fence, ended, _) in zip(moves, ends, strict=True)
        ]
        end = self._database.statement("end", end_attempt)
        return self._database.change_both(self._statement(transition, moves[0]), end, rows)

    def _count(self, transition: Transition, fence: Fence, ended: AttemptEnd, now: int) -> None:
        tallies = self._database.tallies
        tallies.add(fence.type, f"attempt {ended.outcome}")
        tallies.observe(fence.type, "run", now - fence.started_at)
        if transition.target in FINAL:
            tallies.add(fence.type, f"finished {transition.target}")
        self.ends.note(fence, ended, transition.target, now)

    def _tally(self, job_id: UUID, name: str) -> None:
        of_type = self._database.statement("type", select_type)
        for row in self._database.fetch(of_type, {"id": job_id}):
            self._database.tallies.add(row["type"], name)

    def _move(
        self, transition: Transition, held: dict[str, Any], now: int, changes: dict[str, Any]
    ) -> bool:
        (move,) = self._numbered(transition, now, [changes])
        return self._database.change(self._statement(transition, move), {**move, **held}) == 1

    def _numbered(
        self, transition: Transition, now: int, many: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Changes of many jobs, with what all changes have; numbered in their order."""
        first = self._database.number_next(len(many)) + len(many) - 1
        all_have = {"finished_at": now} if transition.target in FINAL else {}
        return [{**all_have, "version": first - n, **each} for n, each in enumerate(many)]

    def _statement(self, transition: Transition, changes: dict[str, Any]) -> Statement:
        # What is worked out by the database belongs to the text; a transition has always the same.
        key = (transition.name, *changes)
        return self._database.statement(key, lambda: guarded(transition, changes))


def _held(fence: Fence) -> dict[str, Any]:
    return {"the job": fence.job_id, "holder": fence.runner, "held attempt": fence.attempt}


def _of_end(ended: AttemptEnd) -> dict[str, Any]:
    """What the end of an attempt changes of its job."""
    progress = {} if ended.progress is None else {"progress": ended.progress}
    return {"error": ended.error and to_json_text(ended.error), **progress}


def _of_attempt(fence: Fence, ended: AttemptEnd, now: int) -> dict[str, Any]:
    """What the row of an attempt gets at its end."""
    error = ended.error and to_json_text(ended.error)
    end = {"finished_at": now, "outcome": ended.outcome, "error": error, **vars(ended.usage)}
    return {**_held(fence), **end}
