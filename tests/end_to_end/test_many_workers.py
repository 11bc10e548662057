"""One of four workers on a PostgreSQL server is killed."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import Program, Service, running_service
from tests.support.waiting import wait_for

RUNNERS, SLOTS = 4, 2
LEASE_SECONDS = 6
"""Long enough that no other worker loses its lease on a busy machine."""

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    environ = {"CONCURRENCY_LIMIT": str(SLOTS), "LEASE_SECONDS": str(LEASE_SECONDS)}
    with running_service(database_url, tmp_path, **environ) as service:
        yield service


class Load:
    """Jobs that record each of their starts, and end once the gate file exists."""

    def __init__(self, service: Service):
        self._service = service
        self._notes = service.folder / "notes"
        self.gate = service.folder / "gate"
        self.ids: list[str] = []

    def submit(self, count: int, seconds: float = 0) -> None:
        """Submit more jobs."""
        payload = {"notes": str(self._notes), "gate": str(self.gate), "seconds": seconds}
        self.ids += [self._service.submit("gated", payload, max_retries=1) for _ in range(count)]

    def begun(self) -> Counter[str]:
        """How often each job was started, by its id."""
        return Counter(self._notes.read_text().split() if self._notes.exists() else ())

    def ended(self) -> list[dict[str, Any]]:
        """Wait until all jobs are final, and return them."""
        return [self._service.result(job_id, timeout=60) for job_id in self.ids]


def kill(worker: Program, how: str) -> None:
    """Kill a worker's main process, or all of its processes at once, as if its machine died."""
    if how == "its main process":
        assert worker.stop(signal.SIGKILL) == -signal.SIGKILL
    else:
        worker.die()


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["its main process", "all of its processes at once"])
def test_only_the_jobs_of_the_killed_worker_run_again(service: Service, how: str) -> None:
    workers = [service.worker() for _ in range(RUNNERS)]
    load = Load(service)
    load.submit(20)
    wait_for(lambda: load.begun().total() == RUNNERS * SLOTS, timeout=30)
    name = workers[1].logged("ready")["runner"]
    ran = {job["job_id"] for job in map(service.job, load.begun()) if holder(job) == name}
    assert len(ran) == SLOTS
    kill(workers[1], how)
    load.gate.touch()
    for job in load.ended():
        lost = ["lost"] if job["job_id"] in ran else []
        assert job["status"] == "succeeded", job
        assert [each["outcome"] for each in job["attempts"]] == [*lost, "returned"]
    assert load.begun() == Counter({each: 2 if each in ran else 1 for each in load.ids})


def holder(job: dict[str, Any]) -> str:
    """The name of the runner of the first attempt of a job."""
    return str(job["attempts"][0]["runner"])


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["its main process", "all of its processes at once"])
def test_a_worker_is_killed_while_jobs_start_and_end(service: Service, how: str) -> None:
    workers = [service.worker() for _ in range(RUNNERS)]
    load = Load(service)
    load.gate.touch()
    load.submit(60, seconds=0.2)
    wait_for(lambda: len(load.begun()) >= 10, timeout=30)
    name = workers[1].logged("ready")["runner"]
    kill(workers[1], how)
    load.submit(20, seconds=0.1)
    jobs = load.ended()
    assert {job["status"] for job in jobs} == {"succeeded"}
    again = [job for job in jobs if len(job["attempts"]) > 1]
    assert all(holder(job) == name for job in again)
    assert all(
        [each["outcome"] for each in job["attempts"]] == ["lost", "returned"] for job in again
    )
    twice = {job_id for job_id, times in load.begun().items() if times > 1}
    assert twice <= {job["job_id"] for job in again}
    assert load.begun().keys() == set(load.ids)
    assert max(load.begun().values()) <= 2
