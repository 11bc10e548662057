"""Retrying and deleting final jobs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from storage.jobs import retention
from storage.jobs.retention import Retention
from storage.jobs.transitions import Transitions
from storage.records.job import Fence, Upload
from storage.records.states import Status
from tests.support.api import Client, analyze_form
from tests.support.stores import CANCELED, RAISED, RETURNED, Bench, folder_of
from tests.support.waiting import wait_for

UNKNOWN = "01a21054-ecc3-7788-9e49-c6d97d1c0c65"


def failed(bench: Bench, **options: Any) -> Fence:
    """Create a failed job; returns the fence of its last attempt."""
    bench.enqueue(**{"max_retries": 0, **options})
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.progress(fence, '{"n": 1}')
    assert runner.claims.fail(fence, RAISED)
    return fence


def test_a_retried_job_gets_all_its_retries_and_runs_again(bench: Bench) -> None:
    fence = failed(bench, max_retries=1)
    bench.clock.forward(5)
    assert bench.jobs.retry(fence.job_id) == (True, bench.job(fence.job_id))
    job = bench.job(fence.job_id)
    assert (job.status, job.attempt, job.retry_count, job.client_retries) == ("queued", 1, 0, 1)
    assert (job.run_at, job.finished_at) == (bench.clock(), None)
    assert (job.error, job.progress) == (None, None)
    assert [attempt.outcome for attempt in job.attempts] == ["raised"]
    runner = bench.runner()
    assert runner.claims.complete(runner.claim_one(), "2", RETURNED)
    job = bench.job(fence.job_id)
    assert (job.status, job.result, job.attempt, job.client_retries) == ("succeeded", 2, 2, 1)


def test_a_late_outcome_does_not_settle_a_retried_job(bench: Bench) -> None:
    fence = failed(bench)
    bench.jobs.retry(fence.job_id)
    runner = bench.runner()
    assert not runner.claims.complete(fence, "1", RETURNED)
    runner.claim_one()
    assert not runner.claims.complete(fence, "1", RETURNED)
    assert bench.job(fence.job_id).status == "running"


def test_a_retry_clears_the_cancel_request(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    bench.jobs.cancel(job_id)
    runner.claims.confirm_cancel(fence, CANCELED)
    assert bench.jobs.retry(job_id)[0]
    runner.claim_one()
    assert runner.claims.to_cancel() == []


def test_only_failed_and_canceled_jobs_are_retried(bench: Bench) -> None:
    queued = bench.enqueue()
    assert bench.jobs.retry(queued) == (False, bench.job(queued))
    runner = bench.runner()
    fence = runner.claim_one()
    assert bench.jobs.retry(queued) == (False, bench.job(queued))
    runner.claims.complete(fence, "1", RETURNED)
    assert bench.jobs.retry(queued) == (False, bench.job(queued))
    assert bench.jobs.retry(UUID(UNKNOWN)) == (False, None)


def test_a_retried_job_is_not_pruned(bench: Bench) -> None:
    fence = failed(bench)
    bench.jobs.retry(fence.job_id)
    bench.clock.forward(1_000_000)
    assert Retention(bench.store.database, (), 0).prune(bench.clock()) == (0, [])


def test_a_final_job_is_deleted_and_a_shared_file_stays(bench: Bench) -> None:
    upload = Upload(uuid4(), "a.log", 1, "00")
    fence = failed(bench, upload=upload)
    sharer = bench.enqueue(source=fence.job_id)
    database = bench.store.database
    assert retention.delete_job(database, sharer) == (Status.QUEUED, [])
    assert retention.delete_job(database, fence.job_id) == (Status.FAILED, [])
    assert bench.jobs.get(fence.job_id) is None
    assert bench.job(sharer).upload == upload
    bench.jobs.cancel(sharer)
    assert retention.delete_job(database, sharer) == (Status.CANCELED, [upload.id])
    assert retention.delete_job(database, sharer) == (None, [])
    assert retention.unknown_uploads(database, {upload.id}) == {upload.id}


def test_a_running_job_is_not_deleted(bench: Bench) -> None:
    job_id = bench.enqueue()
    bench.runner().claim_one()
    assert retention.delete_job(bench.store.database, job_id) == (Status.RUNNING, [])
    assert bench.job(job_id).status == "running"


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_a_client_and_a_runner_do_not_deadlock(bench: Bench, name: str) -> None:
    """On PostgreSQL, locks taken in different orders deadlock, which fails one transaction."""
    database = bench.store.database
    if not database.postgresql:
        pytest.skip("SQLite has a single writer")
    runner = bench.runner()
    other, job_id = bench.enqueue(), bench.enqueue()
    first, second = runner.claims.claim(2)
    change: Callable[[UUID], Any] = getattr(bench.jobs, name)
    with ThreadPoolExecutor(1) as client:
        with runner.claims.transaction():
            runner.claims.complete(first.fence, "1", RETURNED)
            changed = client.submit(change, job_id)
            wait_for(lambda: _waiting(bench))
            assert runner.claims.complete(second.fence, "1", RETURNED)
        changed.result()
    assert [bench.job(each).status for each in (other, job_id)] == ["succeeded"] * 2


def test_a_claim_and_a_client_do_not_deadlock(bench: Bench) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("SQLite has a single writer")
    runner = bench.runner()
    first, second = bench.enqueue(), bench.enqueue()
    transitions = Transitions(bench.store.database)
    with ThreadPoolExecutor(1) as other:
        with bench.store.database.transaction():
            transitions.cancel(first, bench.clock())
            claimed = other.submit(runner.claims.claim, 2)
            wait_for(lambda: _waiting(bench))
            transitions.cancel(second, bench.clock())
        assert claimed.result() == []
    assert [bench.job(each).status for each in (first, second)] == ["canceled"] * 2


def _waiting(bench: Bench) -> bool:
    """Return whether any connection to this database is waiting for a lock."""
    plain = bench.store.database.raw_connection()
    try:
        query = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(plain.execute(query).fetchone()[0])
    finally:
        plain.close()


@pytest.mark.gen_test
async def test_a_failed_job_is_retried_over_http(client: Client, bench: Bench) -> None:
    fence = failed(bench)
    path = f"/jobs/{fence.job_id}"
    response = await client.fetch(f"{path}/retry", method="POST", body=b"")
    assert (response.code, response.headers["Location"]) == (202, path)
    job = await client.get(path)
    assert (job["status"], job["client_retries"], job["attempt"]) == ("queued", 1, 1)
    problem = await client.post(f"{path}/retry", status=409)
    assert "queued" in problem["detail"]


@pytest.mark.gen_test
async def test_a_succeeded_job_is_not_retried(client: Client, bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    problem = await client.post(f"/jobs/{job_id}/retry", status=409)
    assert "succeeded" in problem["detail"]
    assert (await client.get(f"/jobs/{job_id}"))["status"] == "succeeded"


@pytest.mark.gen_test
async def test_a_final_job_is_deleted_over_http(client: Client, bench: Bench) -> None:
    path = f"/jobs/{(await client.post_form(analyze_form()))['job_id']}"
    (file,) = _files(bench)
    problem = await client.fetch(path, method="DELETE")
    assert problem.code == 409
    assert b"cancel" in problem.body
    await client.post(f"{path}/cancel", status=200)
    response = await client.fetch(path, method="DELETE")
    assert (response.code, response.body) == (204, b"")
    assert not file.exists()
    await client.get(path, status=404)


@pytest.mark.gen_test
async def test_a_file_of_two_finished_jobs_survives_the_deletion_of_one(
    client: Client, bench: Bench
) -> None:
    first = (await client.post_form(analyze_form()))["job_id"]
    again = {"type": "analyze", "payload": {"patterns": ["x"], "source": {"job_id": first}}}
    second = (await client.post("/jobs", again))["job_id"]
    (file,) = _files(bench)
    content = file.read_bytes()
    for job_id in (first, second):
        await client.post(f"/jobs/{job_id}/cancel", status=200)
    assert (await client.fetch(f"/jobs/{first}", method="DELETE")).code == 204
    assert file.read_bytes() == content
    payload = {"patterns": ["x"], "source": {"job_id": second}}
    third = (await client.post("/jobs", {"type": "analyze", "payload": payload}))["job_id"]
    await client.post(f"/jobs/{third}/cancel", status=200)
    for job_id in (second, third):
        assert file.exists()
        assert (await client.fetch(f"/jobs/{job_id}", method="DELETE")).code == 204
    assert not file.exists()


@pytest.mark.gen_test
@pytest.mark.parametrize("job_id", ["abc", UNKNOWN])
async def test_an_unknown_job_is_neither_retried_nor_deleted(client: Client, job_id: str) -> None:
    await client.post(f"/jobs/{job_id}/retry", status=404)
    assert (await client.fetch(f"/jobs/{job_id}", method="DELETE")).code == 404


def _files(bench: Bench) -> list[Path]:
    return list((folder_of(bench.store).folder / "files").iterdir())
