"""Events that wake a runner, and the order of its work. The runner never polls in these tests."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from runner.supervisor import supervisor
from storage.jobs import retention
from storage.liveness.liveness import FileLiveness
from storage.records.filters import Filters
from storage.records.job import NewJob, StoreUnavailable
from storage.store import JobStore
from tests.support.waiting import wait_for
from tests.support.workers import Worker, another_runner, open_worker


@pytest.fixture
def worker(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 3600.0)
    with open_worker(database_url, tmp_path) as worker:
        yield worker


def test_an_idle_worker_deletes_expired_jobs_without_waiting_between_batches(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "IDLE_POLL_SECONDS", 3600.0)
    monkeypatch.setattr(retention, "BATCH", 5)
    old = JobStore(worker.store.database, worker.store.wakeup, lambda: 1_000_000)
    for job_id in old.enqueue([NewJob("sleep", {}) for _ in range(52)]):
        assert isinstance(job_id, UUID)
        old.cancel(job_id)
    kept = worker.enqueue()
    worker.jobs.cancel(kept)
    worker.turn_until(lambda: [job.id for job in old.list(Filters(), 99).jobs] == [kept])
    # Each deletion wakes the worker, which then looks once more for schedules that are due.
    worker.turn_until(lambda: worker.supervisor._maintenance.seconds_to_continue() == math.inf)


def test_a_cancel_does_not_wait_for_a_commit(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    canceled = worker.enqueue()
    pid = worker.started(canceled)
    worker.enqueue(payload={"seconds": 0})
    worker.jobs.cancel(canceled)
    worker.wake()

    def fail(*args: object, **options: object) -> None:
        raise StoreUnavailable("others have been writing for long")

    with monkeypatch.context() as patch:
        patch.setattr(worker.claims, "settle_and_claim", fail)
        worker.supervisor.tick()
        wait_for(lambda: not psutil.pid_exists(pid))


def test_claimed_jobs_start_before_others_are_woken_who_are_woken_even_if_that_fails(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.supervisor.tick()
    worker.enqueue()
    done: list[str] = []

    def fail_to_start(*args: object) -> None:
        done.append("start")
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(worker.supervisor, "_start", fail_to_start)
        patch.setattr(worker.claims, "wake", lambda claimed: done.append("wake"))
        with pytest.raises(ZeroDivisionError):
            worker.supervisor.tick()
    assert done == ["start", "wake"]


def test_the_next_place_of_a_key_is_given_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[set[str]] = []
    monkeypatch.setattr(worker.supervisor._maintenance, "fill_places", given.append)
    worker.started(worker.enqueue(concurrency_key="a", max_per_key=2))
    for _ in range(3):
        worker.supervisor.tick()
    assert given == [{"a"}]


def test_a_look_that_finds_ended_jobs_is_acted_on_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    worker.supervisor.tick()
    monkeypatch.setattr(worker.supervisor._maintenance, "check_ended", lambda: looks.append("look"))
    watched = worker.enqueue(payload={"seconds": 0})
    worker.enqueue(after=(watched,))
    worker.turn_until(lambda: looks)
    worker.supervisor.drain()  # it stops looking at the queues, as when all slots are busy
    for _ in range(3):
        worker.supervisor.tick()
    assert len(looks) == 1


def test_a_job_that_falls_due_wakes_the_runner(worker: Worker) -> None:
    job_id = worker.enqueue(payload={"seconds": 0}, delay=1)
    worker.turn_until(lambda: worker.job(job_id).status == "succeeded")


def test_the_death_of_another_runner_wakes_the_runner(worker: Worker) -> None:
    other = worker.store.liveness(30)
    if not isinstance(other, FileLiveness):
        pytest.skip("with leases, only a query finds dead runners")
    job_id = worker.enqueue(payload={"seconds": 0})
    claims = another_runner(worker.store, other)
    with claims.transaction():
        assert [job.id for job in claims.claim(1)] == [job_id]
    worker.supervisor.tick()
    worker.supervisor.tick()  # handles all events of its own start
    os.close(other.descriptors[0])
    worker.turn_until(lambda: worker.job(job_id).attempts[0].outcome == "lost")
