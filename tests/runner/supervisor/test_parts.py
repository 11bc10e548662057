"""How jobs and parts share the slots of a runner."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from runner.supervisor.parts import JobsInParts
from runner.supervisor.running_job import Capacity
from runner.supervisor.spans import AttemptSpans
from storage.db.models import PartRow
from storage.records.job import Upload
from tests.support.workers import Worker, another_runner, open_worker


class FakeParts:
    """A store in which `waiting` parts wait."""

    def __init__(self, waiting: int) -> None:
        self._waiting = waiting

    def waiting(self, limit: int) -> int:
        return min(self._waiting, limit)


class FakeRunningJobs:
    """Running jobs that include `running` parts."""

    def __init__(self, running: int) -> None:
        self._running = running

    def part_fences(self) -> list[object]:
        return [object()] * self._running


@pytest.mark.parametrize(
    ("slots", "running", "waiting", "free", "reserved"),
    [
        (4, 0, 9, 4, 2),
        (5, 0, 9, 5, 3),
        (4, 1, 9, 3, 1),
        (4, 2, 9, 2, 0),
        (4, 4, 9, 0, 0),
        (4, 0, 1, 4, 1),
        (4, 0, 9, 1, 1),
        (4, 0, 0, 4, 0),
        (1, 0, 9, 1, 1),
    ],
)
def test_half_of_the_slots_are_reserved_for_waiting_parts(
    slots: int, running: int, waiting: int, free: int, reserved: int
) -> None:
    claims = SimpleNamespace(parts=FakeParts(waiting), job_parts=None)
    running_jobs: Any = FakeRunningJobs(running)
    parts = JobsInParts(claims, running_jobs, AttemptSpans(None), slots, 0)  # type: ignore[arg-type]
    left = parts.reserve_slots(Capacity(free, 7))
    assert left == (free - reserved, 0 if reserved else 7)
    assert parts.is_active is (waiting > 0 and free > 0)


def leave_a_part(worker: Worker, notes: Path) -> None:
    """Store a part that takes long, of a job that another runner has released for an hour."""
    store = worker.store
    upload = Upload(uuid4(), "a.log", 1, "0" * 64)
    worker.enqueue("pieces", payload={"notes": str(notes), "seconds": 60}, upload=upload)
    other = another_runner(store, store.liveness(30))
    (job,) = other.claim(1)
    assert other.job_parts.make(job.fence, [("[0, 0, 1]", "{}")])
    assert other.release(job.fence, delay_ms=3_600_000)


def test_a_part_that_this_runner_no_longer_holds_is_killed_even_if_its_job_is_queued(
    database_url: str, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    with open_worker(database_url, tmp_path) as worker:
        leave_a_part(worker, notes)
        worker.turn_until(notes.exists)
        worker.store.database.run(
            PartRow.update(tries=PartRow.tries + 1)
        )  # as if another runner held it
        worker.turn_until(lambda: not worker.pool.pids())  # killed without a wake-up
        job, _ = worker.ended(worker.enqueue(payload={"seconds": 0}))
        assert job.status == "succeeded"


def test_a_part_is_started_although_a_job_is_due_in_every_iteration(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    with open_worker(database_url, tmp_path) as worker:
        monkeypatch.setattr(worker.claims, "seconds_to_next", lambda: 0.0)
        leave_a_part(worker, notes)
        worker.turn_until(lambda: notes.exists() and "begin" in notes.read_text())
