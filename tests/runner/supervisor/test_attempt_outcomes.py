"""Every outcome of an attempt, from the pool to the store, on both databases.

tests/end_to_end/test_programs.py covers runners that die, and tests/runner/pool/test_limits.py
covers jobs that the kernel kills because it is out of memory.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from runner.pool.protocol.setup import JobLimits
from storage.records.job import Attempt, Upload, Usage
from tests.support.pool import pools
from tests.support.stores import folder_of
from tests.support.workers import Worker, open_worker

LIMITED = JobLimits(memory_bytes=256 * 2**20, cpu_seconds=1)


@pytest.fixture
def worker(database_url: str, tmp_path: Path) -> Iterator[Worker]:
    with open_worker(database_url, tmp_path, LIMITED) as worker:
        yield worker


def assert_used(attempt: Attempt, seconds: float, cpu_seconds: float = 0.0) -> None:
    """Check that an attempt took at least `seconds`, and that its usage is stored."""
    assert attempt.finished_at is not None
    assert seconds * 1000 <= attempt.finished_at - attempt.started_at < 50_000
    assert attempt.usage.cpu_seconds is not None
    assert attempt.usage.peak_memory_bytes is not None
    assert cpu_seconds <= attempt.usage.cpu_seconds < 10
    assert 10**6 < attempt.usage.peak_memory_bytes < 10**9
    assert (attempt.usage.pid or 0) > 1


def test_a_returned_attempt(worker: Worker) -> None:
    job, attempt = worker.ended(worker.enqueue(payload={"seconds": 0.2}))
    assert (job.status, attempt.outcome, attempt.error) == ("succeeded", "returned", None)
    assert_used(attempt, 0.19)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("type", "options", "outcome", "error_type", "message"),
    [
        ("hopeless", {"payload": {"notes": "/dev/null"}}, "raised", "NotRetryable", "never work"),
        ("sleep", {"timeout": 0.3}, "timed_out", "TimedOut", "longer than 0.3 s"),
        ("spin", {}, "timed_out", "CpuTimeExceeded", "JOB_CPU_SECONDS=1"),
        ("exit", {}, "crashed", "Crashed", "exited with code 3"),
        ("crash", {"payload": {"notes": "/dev/null"}}, "crashed", "Crashed", "SIGSEGV"),
        ("hog", {}, "out_of_memory", "OutOfMemory", "JOB_MEMORY_BYTES=268435456"),
    ],
)
def test_a_failed_attempt(
    worker: Worker, type: str, options: Any, outcome: str, error_type: str, message: str
) -> None:
    options = {"payload": {"seconds": 60} if type == "sleep" else {}, **options}
    job, attempt = worker.ended(worker.enqueue(type, max_retries=0, **options))
    assert (job.status, attempt.outcome) == ("failed", outcome)
    assert attempt.error is not None
    assert attempt.error["type"] == error_type
    assert message in attempt.error["message"]
    assert job.error == attempt.error
    assert ("in run\n" in (attempt.traceback or "")) is (outcome in ("raised", "out_of_memory"))
    seconds = {"TimedOut": 0.29, "CpuTimeExceeded": 0.5}.get(error_type, 0)
    assert_used(attempt, seconds, cpu_seconds=0.5 if type == "spin" else 0.0)


@pytest.mark.heavy
@pytest.mark.parametrize("type", ["exit", "hog"])
def test_a_crash_or_running_out_of_memory_uses_a_retry(worker: Worker, type: str) -> None:
    job, _ = worker.ended(worker.enqueue(type, payload={}, max_retries=1))
    assert (job.status, job.retry_count, job.attempt) == ("queued", 1, 1)


@pytest.mark.heavy
def test_a_canceled_attempt(worker: Worker) -> None:
    job_id = worker.enqueue()
    pid = worker.started(job_id)
    worker.jobs.cancel(job_id)
    job, attempt = worker.ended(job_id)
    assert (job.status, attempt.outcome, attempt.error) == ("canceled", "canceled", None)
    assert_used(attempt, 0)
    assert pools.existing([pid]) == []


@pytest.mark.heavy
def test_an_attempt_released_by_a_drain(worker: Worker) -> None:
    job_id = worker.enqueue("steps", payload={"notes": "/dev/null", "seconds": 60}, max_retries=0)
    worker.started(job_id)
    worker.supervisor.drain()
    job, attempt = worker.ended(job_id)
    assert (job.status, job.retry_count, attempt.outcome) == ("queued", 0, "released")
    assert attempt.error is None
    assert_used(attempt, 0)


def test_attempts_lost_with_their_keeper_have_no_known_usage(worker: Worker) -> None:
    guilty, innocent = worker.enqueue(max_losses=0), worker.enqueue(max_losses=0)
    pid = worker.started(guilty)
    worker.started(innocent)
    os.kill(pools.parent(pid), signal.SIGKILL)
    job, attempt = worker.ended(guilty)
    assert (job.status, attempt.outcome) == ("failed", "lost")
    assert attempt.error is not None
    assert attempt.error["type"] == "Lost"
    neighbour, released = worker.ended(innocent)
    assert (neighbour.status, released.outcome, released.error) == ("queued", "released", None)
    assert (job.loss_count, neighbour.loss_count) == (1, 0)
    for ended in (attempt, released):
        assert ended.usage == Usage(None, None, ended.usage.pid)
        assert ended.usage.pid is not None
        assert (ended.finished_at or 0) >= ended.started_at


def stored(worker: Worker, data: bytes) -> Upload:
    """Store an uploaded file."""
    writer = worker.store.uploads.writer()
    writer.write(data)
    return writer.finish("app.log", "00")


def with_upload(worker: Worker, fault: str) -> UUID:
    upload = stored(worker, b"ERROR\n")
    path = folder_of(worker.store).path(upload)
    if fault == "missing":
        path.unlink()
    elif fault == "unreadable":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(b"ERROR")
    payload = {"patterns": ["ERROR"]}
    return worker.enqueue("analyze", payload=payload, upload=upload, max_retries=5)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", "cannot read upload 'app.log': No such file or directory"),
        ("unreadable", "cannot read upload 'app.log': Is a directory"),
        ("cut", "upload 'app.log' has 5 bytes instead of 6"),
    ],
)
def test_a_job_whose_upload_cannot_be_read_is_not_retried(
    worker: Worker, fault: str, message: str
) -> None:
    assert_not_retried(worker, with_upload(worker, fault), message)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("type", "payload", "message"),
    [
        ("of_a_newer_listener", {}, "there is no job type 'of_a_newer_listener'"),
        ("sleep", {"seconds": "long"}, "payload is not valid: seconds: "),
        ("sleep", {"seconds": 1, "of_a_newer_listener": 1}, "payload is not valid: "),
        ("analyze", {"patterns": ["ERROR"]}, "job type 'analyze' needs an upload"),
    ],
)
def test_a_job_that_this_worker_cannot_run_is_not_retried(
    worker: Worker, type: str, payload: Any, message: str
) -> None:
    assert_not_retried(worker, worker.enqueue(type, payload=payload, max_retries=5), message)


def assert_not_retried(worker: Worker, job_id: UUID, message: str) -> None:
    job, attempt = worker.ended(job_id)
    assert (job.status, job.attempt, job.retry_count) == ("failed", 1, 0)
    assert attempt.outcome == "raised"
    assert attempt.error is not None
    assert attempt.error["type"] == "NotRetryable"
    assert message in attempt.error["message"]
