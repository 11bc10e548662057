"""A failed commit may have taken effect: the programs look instead of guessing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import peewee as pw
import pytest

from runner.supervisor import supervisor
from storage.db.database import Database
from storage.records.job import StoreUnavailable
from tests.support.api import FILE, Client, analyze_form
from tests.support.disk.failing_calls import failing_system_calls
from tests.support.programs import Service, running_service
from tests.support.stores import Bench, folder_of, upload_files
from tests.support.waiting import wait_for
from tests.support.workers import Worker, open_worker

STORE_FAILED = "the store failed, trying again"
SYNCS = "fsync,fdatasync"
SLEEP = {"type": "sleep", "payload": {"seconds": 0}}


class FailingCommits:
    """Makes the next commits of an engine fail, after they took effect or before."""

    def __init__(self, engine: Any, monkeypatch: pytest.MonkeyPatch, made: bool):
        self._made = made
        self.reason = "disk I/O error"
        self.left = 0
        self._commit = engine.commit
        self._rollback = engine.rollback
        monkeypatch.setattr(engine, "commit", self)

    def __call__(self) -> None:
        if not self.left:
            self._commit()
            return
        self.left -= 1
        (self._commit if self._made else self._rollback)()
        raise pw.OperationalError(self.reason)


@pytest.fixture
def worker(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker that has reconciled with its store, and does so again only when in doubt."""
    monkeypatch.setattr(supervisor, "RECONCILE_SECONDS", 3600.0)
    with open_worker(database_url, tmp_path) as worker:
        worker.supervisor.tick()
        yield worker


@pytest.fixture(params=[True, False], ids=["made", "not made"])
def failing_commits(
    request: pytest.FixtureRequest, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> FailingCommits:
    return FailingCommits(worker.store.database.engine, monkeypatch, request.param)


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines()


@pytest.mark.heavy
def test_a_job_whose_claim_is_in_doubt_runs_once(
    worker: Worker, failing_commits: FailingCommits, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    job_id = worker.enqueue("steps", payload={"notes": str(notes), "seconds": 0})
    failing_commits.left = 1
    job, _ = worker.ended(job_id)
    assert failing_commits.left == 0
    assert (job.status, job.attempt, len(job.attempts)) == ("succeeded", 1, 1)
    assert lines(notes) == ["ran"]


@pytest.mark.heavy
def test_an_end_whose_commit_is_in_doubt_counts_once(
    worker: Worker,
    failing_commits: FailingCommits,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    notes = tmp_path / "notes"
    job_id = worker.enqueue("flaky", payload={"notes": str(notes)})
    worker.turn_until(lambda: worker.job(job_id).status == "running")
    failing_commits.left = 1
    worker.turn_until(lambda: worker.job(job_id).final)
    job = worker.job(job_id)
    assert failing_commits.left == 0
    assert (job.status, job.retry_count) == ("succeeded", 1)
    assert [attempt.outcome for attempt in job.attempts] == ["raised", "returned"]
    assert lines(notes) == ["attempt 1", "attempt 2"]
    messages = [record.message for record in caplog.records]
    assert messages.count("job ended") == 2
    assert "stale end of a job dropped" not in messages


@pytest.mark.heavy
def test_a_job_whose_claim_commits_after_the_connection_was_lost_runs(worker: Worker) -> None:
    job_id = worker.enqueue(payload={"seconds": 0})
    worker.claims.settle_and_claim(limit=1)  # as a server does it whose client has heard nothing
    worker.supervisor._reconcile_at = 0.0
    job, _ = worker.ended(job_id)
    assert (job.status, job.attempt) == ("succeeded", 1)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.gen_test
async def test_a_submission_in_doubt_returns_503_with_the_job_id(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    FailingCommits(bench.store.database.engine, monkeypatch, made).left = 1
    problem = await client.post("/jobs", SLEEP, status=503)
    assert "GET /jobs/ID" in problem["detail"]
    await client.get(f"/jobs/{problem['job_id']}", status=200 if made else 404)


@pytest.mark.parametrize(
    ("reason", "status"), [("database or disk is full", 507), ("database is locked", 503)]
)
@pytest.mark.gen_test
async def test_only_sqlite_can_rule_out_that_a_failed_commit_took_effect(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch, reason: str, status: int
) -> None:
    failing_commits = FailingCommits(bench.store.database.engine, monkeypatch, made=False)
    failing_commits.reason, failing_commits.left = reason, 1
    in_doubt = bench.store.database.postgresql
    problem = await client.post("/jobs", SLEEP, status=503 if in_doubt else status)
    assert ("job_id" in problem) is in_doubt


@pytest.mark.gen_test
async def test_an_upload_is_kept_while_its_job_is_in_doubt(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    FailingCommits(bench.store.database.engine, monkeypatch, made=True).left = 1
    problem = await client.post_form(analyze_form(), status=503)
    job = bench.job(UUID(problem["job_id"]))
    assert job.upload is not None
    assert folder_of(bench.store).path(job.upload).read_bytes() == FILE


@pytest.mark.gen_test
async def test_a_submission_that_failed_before_its_commit_is_not_in_doubt(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(Database, "next_version_offset", fail)
    assert "job_id" not in await client.post("/jobs", SLEEP, status=503)
    await client.post_form(analyze_form(), status=503)
    assert upload_files(folder_of(bench.store).folder) == []


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service("", tmp_path) as service:
        yield service


def test_a_listener_whose_disk_fails_at_a_commit_reports_an_uncertain_submission(
    service: Service,
) -> None:
    with failing_system_calls(service.listener.process.pid, SYNCS) as calls:
        status, problem = service.call("POST", "/jobs", SLEEP)
        assert "INJECTED" in calls.read_text()
    assert status == 503, problem
    (line,) = [each for each in service.listener.lines() if each["message"] == "the store failed"]
    assert line["reason"] == "disk I/O error"
    service.worker()
    status, _ = service.call("GET", f"/jobs/{problem['job_id']}")
    assert status in (200, 404)
    if status == 200:
        assert service.result(problem["job_id"])["status"] == "succeeded"
    assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"


@pytest.mark.heavy
def test_a_worker_whose_disk_fails_at_commits_runs_each_job_once(
    service: Service, tmp_path: Path
) -> None:
    worker, notes = service.worker(), tmp_path / "notes"
    payload = {"notes": str(notes), "seconds": 0.5}
    ids = [service.submit("steps", payload) for _ in range(6)]
    service.wait_for_status(ids[0], "running")

    def failed() -> list[str]:
        return [each["reason"] for each in worker.lines() if each["message"] == STORE_FAILED]

    with failing_system_calls(worker.process.pid, SYNCS):
        wait_for(lambda: len(failed()) >= 3, timeout=20)
    jobs = [service.result(job_id) for job_id in ids]
    assert {(job["status"], job["attempt"], len(job["attempts"])) for job in jobs} == {
        ("succeeded", 1, 1)
    }
    assert lines(notes) == ["ran"] * len(ids)
    # The sweep of the uploads can fail meanwhile, too.
    assert set(failed()) - {"uploads: Input/output error"} == {"disk I/O error"}
    assert worker.stop() == 0
