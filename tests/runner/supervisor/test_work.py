"""How jobs and parts share the slots of a runner."""

from pathlib import Path
from uuid import uuid4

import pytest

from runner.supervisor.part_work import PartClaimer
from storage.db.models import PartRow
from storage.records.job import Upload, Usage
from tests.support.workers import Worker, another_runner, open_worker


class Store:
    """As many parts as are said wait."""

    def __init__(self, waiting: int) -> None:
        self._waiting = waiting

    def waiting(self, limit: int) -> int:
        return min(self._waiting, limit)


class Roster:
    """So many parts run here."""

    def __init__(self, running: int) -> None:
        self._running = running

    def parts(self) -> list[object]:
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
def test_parts_have_half_of_the_slots_for_certain_as_long_as_they_wait(
    slots: int, running: int, waiting: int, free: int, reserved: int
) -> None:
    work = PartClaimer(Store(waiting), Roster(running), slots)  # type: ignore[arg-type]
    assert work.look(free) is (waiting > 0 and free > 0)
    assert work.reserved(free) == reserved


def leave_a_part(worker: Worker, notes: Path) -> None:
    """A part, which takes long, of a job that its runner has given back for a while."""
    store = worker.store
    upload = Upload(uuid4(), "a.log", 1, "0" * 64)
    worker.enqueue("pieces", payload={"notes": str(notes), "seconds": 60}, upload=upload)
    other = another_runner(store, store.liveness(30))
    (job,) = other.claim(1)
    assert other.job_parts.make(job.fence, [("[0, 0, 1]", "{}")])
    assert other.release(job.fence, Usage(), 3_600_000)


def test_a_part_of_a_job_that_nobody_holds_may_be_lost_as_any_other(
    database_url: str, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    with open_worker(database_url, tmp_path) as worker:
        leave_a_part(worker, notes)
        worker.turn_until(notes.exists)
        worker.store.database.run(PartRow.update(tries=PartRow.tries + 1))  # another has it
        worker.turn_until(lambda: not worker.pool.pids())  # it is killed, which nobody asks for
        job, _ = worker.ended(worker.enqueue(payload={"seconds": 0}))
        assert job.status == "succeeded"
