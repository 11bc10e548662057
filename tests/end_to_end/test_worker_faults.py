"""Faults around a worker. No job is lost, and no job runs twice at the same time."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import psutil
import pytest

from storage.db.database import Database
from storage.open import open_store
from storage.settings.settings import Settings
from tests.support.programs import Program, Service, has_open, running_service
from tests.support.waiting import wait_for


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path) as service:
        yield service


@pytest.fixture
def database(service: Service) -> Iterator[Database]:
    """The database of the service, opened by this test."""
    store = open_store(Settings.read(service.environ))
    yield store.database
    store.close()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def has_lines(notes: Path, count: int) -> bool:
    return len(lines(notes)) == count


def keepers(worker: Program) -> list[psutil.Process]:
    """The keepers of a worker: its child processes that have a job process."""
    return [child for child in psutil.Process(worker.process.pid).children() if child.children()]


def test_all_processes_of_a_worker_hold_its_lock_for_as_long_as_they_live(
    service: Service, database: Database, notes: Path
) -> None:
    if database.postgresql:
        pytest.skip("on PostgreSQL, runners have leases instead of locks")
    worker = service.worker(CONCURRENCY_LIMIT="1")
    service.submit("stubborn", {"notes": str(notes)})
    pids = [int(pid) for pid in wait_for(lambda: lines(notes))[0].split()]
    lock = service.folder / f"data/runners/{_name(worker)}.lock"
    (keeper,) = keepers(worker)
    for process in (worker.process.pid, keeper.pid):
        assert has_open(psutil.Process(process), lock)
    assert str(lock) in Path(f"/proc/{pids[0]}/maps").read_text()
    assert not has_open(psutil.Process(pids[0]), lock)


@pytest.mark.heavy
def test_a_result_is_stored_once_a_locked_store_is_free(
    service: Service, database: Database
) -> None:
    worker = service.worker()
    job_id = service.submit(payload={"seconds": 1})
    service.wait_for_status(job_id, "running")
    other = database.raw_connection()
    if database.postgresql:
        other.autocommit = False
        other.execute("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
    else:
        other.execute("BEGIN EXCLUSIVE")
    worker.logged("the store failed, trying again")
    other.rollback()
    other.close()
    job = service.result(job_id)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert worker.stop() == 0


@pytest.mark.heavy
def test_a_worker_whose_disk_fails_retries_every_second_and_recovers(
    service: Service, database: Database
) -> None:
    if database.postgresql:
        pytest.skip("only SQLite: the worker itself writes the database files")
    worker = service.worker()
    for _ in range(10):  # so that the next writes are above the limit
        service.submit(payload={"seconds": 0}, delay=600)
    process = psutil.Process(worker.process.pid)
    process.rlimit(psutil.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
    job_id = service.submit(payload={"seconds": 0})

    def failures() -> list[datetime]:
        lines = [each for each in worker.lines() if "the store failed" in each["message"]]
        return [datetime.fromisoformat(each["time"]) for each in lines]

    def seconds() -> float:
        return (failures()[-1] - failures()[0]).total_seconds() if failures() else 0.0

    wait_for(lambda: seconds() > 2)
    # One a second, and one for each slot that gets ready. Without a pause there would be dozens.
    assert len(failures()) < 12, failures()
    process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert service.result(job_id)["attempt"] == 1
    assert worker.stop() == 0


def test_a_worker_recovers_when_the_server_drops_its_connections(
    service: Service, database: Database
) -> None:
    if not database.postgresql:
        pytest.skip("only PostgreSQL has a server")
    service.worker()
    ids = [service.submit(payload={"seconds": 0.1}) for _ in range(20)]
    for _ in range(5):
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        time.sleep(0.1)  # repeat the fault while jobs run

    def settled() -> bool:
        answers = [service.call("GET", f"/jobs/{job_id}") for job_id in ids]
        return all(status == 200 and job["status"] == "succeeded" for status, job in answers)

    wait_for(settled, timeout=30)
    assert {service.job(job_id)["attempt"] for job_id in ids} == {1}


@pytest.mark.heavy
def test_only_the_job_of_a_killed_keeper_uses_a_loss(service: Service, notes: Path) -> None:
    worker = service.worker(CONCURRENCY_LIMIT="2")
    victim = service.submit("stubborn", {"notes": str(notes)}, max_losses=0)
    pid = int(wait_for(lambda: lines(notes))[0].split()[0])
    neighbour = service.submit(payload={"seconds": 2}, max_losses=0)
    service.wait_for_status(neighbour, "running")
    keeper = next(k for k in keepers(worker) if pid in [child.pid for child in k.children()])
    keeper.kill()
    assert service.result(victim)["status"] == "failed"
    assert service.job(victim)["attempts"][0]["outcome"] == "lost"
    job = service.result(neighbour)
    assert (job["status"], job["loss_count"]) == ("succeeded", 0)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["released", "returned"]


@pytest.mark.heavy
def test_a_job_whose_worker_dies_each_time_that_it_runs_fails_in_the_end(
    service: Service, notes: Path
) -> None:
    job_id = service.submit("stubborn", {"notes": str(notes)}, max_retries=5, max_losses=1)
    for runs in (1, 2):
        worker = service.worker(LEASE_SECONDS="3")
        wait_for(partial(has_lines, notes, runs))
        assert worker.stop(signal.SIGKILL) == -signal.SIGKILL
    service.worker(LEASE_SECONDS="3")
    job = service.result(job_id)
    assert (job["status"], job["retry_count"], job["loss_count"]) == ("failed", 0, 2)
    assert job["error"]["type"] == "Lost"
    assert "the job has lost its worker 2 times" in job["error"]["message"]
    assert len(lines(notes)) == 2


@pytest.mark.heavy
@pytest.mark.parametrize("stopped", ["the job", "its keeper"])
def test_a_cancel_works_on_stopped_processes(service: Service, notes: Path, stopped: str) -> None:
    service.worker(CONCURRENCY_LIMIT="2")
    job_id = service.submit("stubborn", {"notes": str(notes)}, max_retries=0)
    pids = [int(pid) for pid in wait_for(lambda: lines(notes))[0].split()]
    neighbour = service.submit(payload={"seconds": 1}, max_retries=0)
    service.wait_for_status(neighbour, "running")
    family = [psutil.Process(pid) for pid in pids]
    processes = family if stopped == "the job" else [psutil.Process(family[0].ppid())]
    for process in processes:
        process.suspend()
    service.call("POST", f"/jobs/{job_id}/cancel")
    job = service.result(job_id)
    assert (job["status"], job["attempts"][0]["outcome"]) == ("canceled", "canceled")
    assert not any(process.is_running() for process in family)
    job = service.result(neighbour)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)


@pytest.mark.heavy
def test_a_worker_with_a_frozen_keeper_can_stop(service: Service, notes: Path) -> None:
    worker = service.worker(CONCURRENCY_LIMIT="1", DRAIN_SECONDS="0")
    job_id = service.submit("stubborn", {"notes": str(notes)}, max_retries=0)
    wait_for(lambda: lines(notes))
    (keeper,) = keepers(worker)
    keeper.suspend()
    assert worker.stop() == 0
    job = service.job(job_id)
    assert (job["status"], job["attempts"][0]["outcome"]) == ("queued", "released")


@pytest.mark.heavy
def test_a_frozen_worker_keeps_its_job_on_sqlite_and_loses_it_with_its_lease(
    service: Service, database: Database, notes: Path
) -> None:
    frozen = service.worker(LEASE_SECONDS="3", CONCURRENCY_LIMIT="1")
    job_id = service.submit("stubborn", {"notes": str(notes)})
    pid = int(wait_for(lambda: lines(notes))[0].split()[0])
    os.kill(frozen.process.pid, signal.SIGSTOP)
    other = service.worker(LEASE_SECONDS="3", CONCURRENCY_LIMIT="1")
    if database.postgresql:
        # Others take the job after the end of the lease; the keepers have killed it before.
        wait_for(lambda: len(lines(notes)) == 2, timeout=15)
        assert not psutil.pid_exists(pid)
        os.kill(frozen.process.pid, signal.SIGCONT)
        wait_for(lambda: len(_names(frozen)) == 2)  # it registers under a new name
    else:
        assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"
        assert service.job(job_id)["runner"] == _name(frozen)
        os.kill(frozen.process.pid, signal.SIGCONT)
    assert service.call("POST", f"/jobs/{job_id}/cancel")[1]["status"] == "canceled"
    assert len(lines(notes)) == (2 if database.postgresql else 1)
    assert (frozen.stop(), other.stop()) == (0, 0)


def _name(worker: Program) -> str:
    return str(worker.logged("ready")["runner"])


def _names(worker: Program) -> set[str]:
    return {line["runner"] for line in worker.lines() if line["message"] == "ready"}


@pytest.mark.heavy
def test_each_of_many_jobs_runs_once_while_some_are_canceled(service: Service, notes: Path) -> None:
    for _ in range(2):
        service.worker(CONCURRENCY_LIMIT="3")
    ids = [service.submit("steps", {"notes": str(notes), "seconds": 0.05}) for _ in range(60)]
    for job_id in ids[::3]:
        service.call("POST", f"/jobs/{job_id}/cancel")
    jobs = [service.result(job_id) for job_id in ids]
    succeeded = [job for job in jobs if job["status"] == "succeeded"]
    assert {job["status"] for job in jobs} <= {"succeeded", "canceled"}
    assert len(succeeded) >= 40
    assert {job["attempt"] for job in succeeded} == {1}
    assert len(lines(notes)) >= len(succeeded)


@pytest.mark.heavy
def test_a_worker_that_fails_at_its_start_leaves_no_processes(
    tmp_path: Path,
) -> None:
    code = """
from runner import __main__ as program, worker

def fail(*given):
    raise RuntimeError("planned")

if __name__ == "__main__":
    worker.Maintenance = fail
    program.main()
"""
    environ = {**os.environ, "DATA_DIR": str(tmp_path)}
    # Any process that is left would keep the pipes open, and run() would time out.
    failed = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, timeout=30, check=False
    )
    assert failed.returncode == 1
    assert b"planned" in failed.stderr


def test_a_worker_survives_a_lack_of_file_descriptors(
    service: Service,
) -> None:
    worker = service.worker(CONCURRENCY_LIMIT="1")
    pid = worker.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free(pid), limits[1]))
    worker.logged("maintenance failed, it will be retried")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    job = service.result(service.submit(payload={"seconds": 0}))
    assert (job["status"], job["attempt"]) == ("succeeded", 1)


def first_free(pid: int) -> int:
    """The lowest file descriptor that a process does not use."""
    taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(number for number in range(len(taken) + 1) if number not in taken)
