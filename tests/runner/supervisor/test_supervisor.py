"""What wakes a runner that would otherwise sleep, and what it does first: here it never looks by
itself."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from runner.supervisor import supervisor
from storage.liveness.liveness import FileLiveness
from storage.records.job import StoreUnavailable
from tests.support.waiting import wait_for
from tests.support.workers import Worker, another_runner, open_worker


@pytest.fixture
def worker(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 3600.0)
    with open_worker(database_url, tmp_path, parts_bytes=40) as worker:
        yield worker


def in_parts(worker: Worker, notes: Path) -> UUID:
    """A job of parts that take long, of which some run here."""
    writer = worker.store.uploads.writer()
    writer.write(b"x" * 80)
    payload = {"notes": str(notes), "seconds": 60}
    upload = writer.finish("a.log", "0" * 64)
    job_id = worker.enqueue("pieces", payload=payload, upload=upload)
    worker.turn_until(worker.supervisor._roster.parts)
    wait_for(lambda: notes.exists() and "begin" in notes.read_text())  # that wakes nobody
    return job_id


@pytest.fixture
def helper(worker: Worker) -> Iterator[None]:
    """Another runner, without which no job is done in parts; it does nothing."""
    liveness = worker.store.liveness(3600)
    claims = another_runner(worker.store, liveness)
    yield
    claims.deregister()
    liveness.close()


@pytest.mark.usefixtures("helper")
def test_a_cancel_of_a_job_in_parts_is_not_slept_through(worker: Worker, tmp_path: Path) -> None:
    job_id = in_parts(worker, tmp_path / "notes")
    worker.jobs.cancel(job_id)
    worker.wake()  # by the cancel, of which it has nothing more to hear then
    worker.turn_until(lambda: worker.job(job_id).status == "canceled")
    assert not worker.pool.pids()


def test_a_cancel_waits_for_no_commit(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    canceled = worker.enqueue()
    pid = worker.started(canceled)
    worker.enqueue(payload={"seconds": 0})
    worker.jobs.cancel(canceled)

    def fail(*args: object, **options: object) -> None:
        raise StoreUnavailable("others have been writing for long")

    with monkeypatch.context() as patch:
        patch.setattr(worker.claims, "settle_and_claim", fail)
        worker.supervisor.tick()
        wait_for(lambda: not psutil.pid_exists(pid))


def test_a_job_that_falls_due_is_not_slept_through(worker: Worker) -> None:
    job_id = worker.enqueue(payload={"seconds": 0}, delay=1)
    worker.turn_until(lambda: worker.job(job_id).status == "succeeded")


def test_the_death_of_another_runner_is_not_slept_through(worker: Worker) -> None:
    other = worker.store.liveness(30)
    if not isinstance(other, FileLiveness):
        pytest.skip("where runners have leases, a query has to ask")
    job_id = worker.enqueue(payload={"seconds": 0})
    claims = another_runner(worker.store, other)
    with claims.transaction():
        assert [job.id for job in claims.claim(1)] == [job_id]
    worker.supervisor.tick()
    worker.supervisor.tick()  # nothing is left of its own start
    os.close(other.descriptors[0])
    worker.turn_until(lambda: worker.job(job_id).attempts[0].outcome == "lost")
