"""The one statement by which a job changes: an UPDATE with a guard made from the state table."""

import json
from typing import Any
from uuid import UUID

from storage.database import Database
from storage.job import Ended, Fence
from storage.models import AttemptRow, JobRow
from storage.states import FINAL, Transition


def dump(value: Any) -> str:
    """JSON text as it is stored."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Moves:
    """Changes of one job each; True if the job changed, False if its guard refused."""

    def __init__(self, database: Database):
        self._database = database
        self.settled = 0

    def free(self, transition: Transition, job_id: UUID, now: int, **changes: Any) -> bool:
        """A change that anyone may make."""
        assert not transition.fenced, transition.name
        return self._move(transition, [JobRow.id == job_id], now, changes)

    def settle(
        self, transition: Transition, fence: Fence, ended: Ended, now: int, **changes: Any
    ) -> bool:
        """The end of an attempt, for its holder alone: the job's change and the attempt's row."""
        assert transition.fenced, transition.name
        guard = [
            JobRow.id == fence.job_id,
            JobRow.locked_by == fence.runner,
            JobRow.attempt == fence.attempt,
        ]
        error = None if ended.error is None else dump(ended.error)
        changes = {"locked_by": None, "error": error, **changes}
        if ended.progress is not None:
            changes = {"progress": ended.progress, **changes}
        with self._database.transaction():
            if not self._move(transition, guard, now, changes):
                return False
            self._database.run(
                AttemptRow.update(
                    finished_at=now,
                    outcome=ended.outcome,
                    error=error,
                    cpu_seconds=ended.usage.cpu_seconds,
                    peak_memory_bytes=ended.usage.peak_memory_bytes,
                ).where(AttemptRow.job_id == fence.job_id, AttemptRow.number == fence.attempt)
            )
        self.settled += 1
        return True

    def _move(
        self, transition: Transition, guard: list[Any], now: int, changes: dict[str, Any]
    ) -> bool:
        guard = [*guard, JobRow.status.in_(sorted(transition.sources))]
        if transition.cancel_requested is not None:
            guard.append(JobRow.cancel_requested_at.is_null(not transition.cancel_requested))
        if transition.target in FINAL:
            changes = {"finished_at": now, **changes}
        changes = {"status": transition.target, "version": self._database.next_version(), **changes}
        return self._database.changed(JobRow.update(**changes).where(*guard)) == 1
