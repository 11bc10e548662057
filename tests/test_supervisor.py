"""What wakes a runner that would otherwise sleep: here it never looks by itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import supervisor
from storage.claims import Claims
from storage.liveness import FileLiveness
from tests.workers import Worker, open_worker


@pytest.fixture
def worker(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 3600.0)
    with open_worker(database_url, tmp_path) as worker:
        yield worker


def test_a_job_that_falls_due_is_not_slept_through(worker: Worker) -> None:
    job_id = worker.enqueue(payload={"seconds": 0}, delay=1)
    worker.turn_until(lambda: worker.job(job_id).status == "succeeded")


def test_the_death_of_another_runner_is_not_slept_through(worker: Worker) -> None:
    store = worker.store
    other = store.liveness(30)
    if not isinstance(other, FileLiveness):
        pytest.skip("where runners have leases, a query has to ask")
    job_id = worker.enqueue(payload={"seconds": 0})
    claims = Claims(store.database, store.wakeup, other, store.clock)
    claims.register(1)
    with claims.turn():
        assert [job.id for job in claims.claim(1)] == [job_id]
    worker.supervisor.tick()
    worker.supervisor.tick()  # nothing is left of its own start
    os.close(other.descriptors[0])
    worker.turn_until(lambda: worker.job(job_id).attempts[0].outcome == "lost")
