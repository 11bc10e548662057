"""The listener and the worker as real programs, on both databases."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.programs import Service, alive, running_service
from tests.support.waiting import wait_for


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path) as service:
        yield service


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def test_a_job_runs_and_its_result_can_be_read(service: Service) -> None:
    worker = service.worker()
    job = service.result(service.submit(payload={"seconds": 0.2}))
    assert (job["status"], job["result"], job["attempt"]) == ("succeeded", {"slept": 0.2}, 1)
    (attempt,) = job["attempts"]
    assert (attempt["outcome"], attempt["error"]) == ("returned", None)
    assert attempt["seconds"] >= 0.2
    assert attempt["peak_memory_bytes"] > 1_000_000
    assert worker.stop() == 0
    assert service.listener.stop() == 0


def test_as_many_jobs_run_at_once_as_the_limit_allows(service: Service) -> None:
    service.worker(CONCURRENCY_LIMIT="2")
    ids = [service.submit(payload={"seconds": 0.5}) for _ in range(3)]
    wait_for(lambda: [service.job(i)["status"] for i in ids] == ["running", "running", "queued"])
    assert {service.result(i)["status"] for i in ids} == {"succeeded"}


@pytest.mark.heavy
def test_a_failed_job_is_retried_with_backoff_and_shows_its_error(
    service: Service, notes: Path
) -> None:
    worker = service.worker()
    job_id = service.submit("flaky", {"notes": str(notes)})
    waiting = service.wait_for_status(job_id, "queued")
    wait_for(lambda: service.job(job_id)["retry_count"] == 1)
    waiting = service.job(job_id)
    assert waiting["error"] == {"type": "ValueError", "message": "not the first time"}
    job = service.result(job_id)
    assert (job["status"], job["result"], job["error"]) == ("succeeded", {"attempt": 2}, None)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["raised", "returned"]
    assert lines(notes) == ["attempt 1", "attempt 2"]
    failed, ended = job["attempts"]
    assert failed["traceback"].splitlines()[-1] == "ValueError: not the first time"
    assert "in run\n    raise ValueError(" in failed["traceback"]
    assert ended["traceback"] is None
    (logged,) = [line for line in worker.lines() if "traceback" in line]
    assert (logged["job_id"], logged["traceback"]) == (job_id, failed["traceback"])


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("type", "retries", "outcome", "runs"),
    [("hopeless", 5, "raised", 1), ("flaky", 0, "raised", 1), ("crash", 0, "crashed", 1)],
)
def test_a_job_without_a_retry_fails(
    service: Service, notes: Path, type: str, retries: int, outcome: str, runs: int
) -> None:
    service.worker()
    job_id = service.submit(type, {"notes": str(notes)}, max_retries=retries)
    job = service.result(job_id)
    assert (job["status"], len(lines(notes))) == ("failed", runs)
    assert job["attempts"][-1]["outcome"] == outcome
    assert job["error"]["message"]


def test_a_job_that_times_out_is_killed_and_its_error_says_so(service: Service) -> None:
    service.worker()
    job_id = service.submit(payload={"seconds": 60}, timeout=0.3, max_retries=0)
    job = service.result(job_id)
    assert (job["status"], job["attempts"][0]["outcome"]) == ("failed", "timed_out")
    assert "0.3" in job["error"]["message"]


@pytest.mark.heavy
def test_a_cancel_ends_all_processes_of_the_job_and_no_others(
    service: Service, notes: Path
) -> None:
    service.worker(CONCURRENCY_LIMIT="2")
    neighbour = service.submit(payload={"seconds": 3})
    job_id = service.submit("stubborn", {"notes": str(notes)})
    pids = [int(pid) for pid in wait_for(lambda: lines(notes))[0].split()]
    processes = [psutil.Process(pid) for pid in pids]
    status, answer = service.call("POST", f"/jobs/{job_id}/cancel")
    assert (status, answer["message"]) == (200, "job canceled successfully")
    assert not any(process.is_running() for process in processes)
    job = service.job(job_id)
    assert (job["status"], job["attempts"][0]["outcome"]) == ("canceled", "canceled")
    assert service.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
    assert service.result(neighbour)["status"] == "succeeded"
    assert service.job(neighbour)["attempt"] == 1
    assert service.call("POST", f"/jobs/{neighbour}/cancel")[0] == 409
    assert lines(notes) == [" ".join(map(str, pids))]


def test_a_job_that_was_canceled_before_it_started_never_runs(
    service: Service, notes: Path
) -> None:
    job_id = service.submit("steps", {"notes": str(notes)})
    assert service.call("POST", f"/jobs/{job_id}/cancel")[1]["status"] == "canceled"
    service.worker()
    assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"
    assert lines(notes) == []


@pytest.mark.heavy
def test_progress_is_stored_while_the_job_runs(service: Service, notes: Path) -> None:
    service.worker()
    job_id = service.submit("steps", {"notes": str(notes), "seconds": 3})
    first = wait_for(lambda: service.job(job_id)["progress"])
    later = wait_for(lambda: (p := service.job(job_id)["progress"]) != first and p)
    assert 0 < first["step"] < later["step"]
    assert service.result(job_id)["status"] == "succeeded"


@pytest.mark.heavy
def test_a_drain_waits_for_jobs_and_releases_the_rest_without_using_a_retry(
    service: Service, notes: Path
) -> None:
    worker = service.worker(CONCURRENCY_LIMIT="2", DRAIN_SECONDS="2")
    short = service.submit(payload={"seconds": 1})
    long = service.submit("stubborn", {"notes": str(notes)}, max_retries=0)
    queued = service.submit(payload={"seconds": 0})
    wait_for(lambda: lines(notes))
    assert worker.stop() == 0
    assert service.job(short)["status"] == "succeeded"
    assert service.job(queued)["status"] == "queued"
    released = service.job(long)
    assert (released["status"], released["retry_count"]) == ("queued", 0)
    assert released["attempts"][0]["outcome"] == "released"
    assert released["run_at"] == released["attempts"][0]["finished_at"]  # without a backoff
    service.worker()
    wait_for(lambda: len(lines(notes)) == 2)
    service.call("POST", f"/jobs/{long}/cancel")
    assert service.job(long)["attempt"] == 2


def test_a_second_signal_ends_the_drain_at_once(service: Service) -> None:
    worker = service.worker(DRAIN_SECONDS="600")
    job_id = service.submit(payload={"seconds": 600})
    service.wait_for_status(job_id, "running")
    worker.process.send_signal(signal.SIGINT)
    worker.logged("draining")
    assert worker.stop(signal.SIGINT) == 0
    assert service.job(job_id)["status"] == "queued"


@pytest.mark.heavy
def test_the_job_processes_of_a_killed_worker_end_at_once_and_the_jobs_run_again(
    service: Service, notes: Path
) -> None:
    first = service.worker(LEASE_SECONDS="3")
    job_id = service.submit("stubborn", {"notes": str(notes)})
    pids = [int(pid) for pid in wait_for(lambda: lines(notes))[0].split()]
    processes = [psutil.Process(pid) for pid in pids]
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not any(process.is_running() for process in processes), timeout=2)
    service.worker(LEASE_SECONDS="3")
    wait_for(lambda: len(lines(notes)) == 2, timeout=20)
    job = service.job(job_id)
    assert (job["attempt"], job["retry_count"], job["loss_count"]) == (2, 0, 1)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["lost", None]
    lost = job["attempts"][0]
    assert (lost["cpu_seconds"], lost["peak_memory_bytes"]) == (None, None)
    assert lost["seconds"] >= 0
    assert lost["error"]["type"] == "Lost"
    service.call("POST", f"/jobs/{job_id}/cancel")


@pytest.mark.heavy
def test_a_job_whose_worker_is_dead_can_be_canceled(service: Service, notes: Path) -> None:
    first = service.worker(LEASE_SECONDS="3")
    job_id = service.submit("stubborn", {"notes": str(notes)})
    wait_for(lambda: lines(notes))
    first.stop(signal.SIGKILL)
    status, answer = service.call("POST", f"/jobs/{job_id}/cancel")
    assert (status, answer["message"]) == (202, "cancel requested")
    service.worker(LEASE_SECONDS="3")
    assert service.result(job_id)["status"] == "canceled"
    assert len(lines(notes)) == 1


@pytest.mark.heavy
def test_final_jobs_are_deleted_after_their_retention(service: Service) -> None:
    worker = service.worker()
    job_id = service.submit(payload={"seconds": 0})
    service.result(job_id)
    worker.stop()
    service.worker(RETENTION_SECONDS="0")
    wait_for(lambda: service.call("GET", f"/jobs/{job_id}")[0] == 404)


def test_a_worker_can_stop_while_it_starts(service: Service) -> None:
    worker = service.worker()
    family = worker.family()
    os.killpg(worker.process.pid, signal.SIGTERM)  # while its keepers are starting
    assert worker.process.wait(20) == 0
    wait_for(lambda: not any(map(alive, family)), timeout=5)


def test_a_signal_to_the_process_group_drains_the_worker(service: Service) -> None:
    worker = service.worker(DRAIN_SECONDS="10")
    job_id = service.submit(payload={"seconds": 1})
    service.wait_for_status(job_id, "running")
    os.killpg(worker.process.pid, signal.SIGTERM)  # as process managers and terminals do
    assert worker.process.wait(20) == 0
    assert service.job(job_id)["status"] == "succeeded"
    assert service.job(job_id)["attempt"] == 1
