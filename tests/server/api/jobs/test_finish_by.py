"""`finish_by`: jobs that would miss their deadline are refused with the estimate."""

from datetime import UTC, datetime
from typing import Any

import pytest

from server.documents.job_documents import rfc3339
from storage.jobs.deadlines import record_missed
from tests.support.api import Client, analyze_form
from tests.support.stores import RETURNED, Bench, upload_files

pytestmark = pytest.mark.gen_test
JOB = {"type": "sleep", "payload": {"seconds": 1}}


def at(bench: Bench, seconds: float) -> str:
    """The time so many seconds after now, by the clock of the bench and the store."""
    return rfc3339(bench.clock.now + round(seconds * 1000))


@pytest.fixture
def busy(bench: Bench) -> None:
    """A worker with three slots, and jobs that take 100 s in all of them."""
    bench.clock.now = bench.store.clock() - 200_000
    runner = bench.runner()
    bench.enqueue("sleep")
    fence = runner.claim_one()
    bench.clock.forward(100)
    runner.claims.complete(fence, "1", RETURNED)
    bench.clock.now = bench.store.clock()
    for _ in range(3):
        bench.enqueue("sleep")
    runner.claims.claim(3)


async def submit(client: Client, status: int, **options: Any) -> Any:
    return await client.post("/jobs", {**JOB, **options}, status)


@pytest.mark.usefixtures("busy")
async def test_a_job_that_would_end_too_late_is_refused(client: Client, bench: Bench) -> None:
    problem = await submit(client, 409, finish_by=at(bench, 150))
    assert problem["code"] == "deadline_unreachable"
    assert problem["errors"][0]["field"] == "finish_by"
    assert "take about 100 s" in problem["detail"]
    starts, ends = problem["estimated_start_at"], problem["estimated_end_at"]
    assert at(bench, 90) < starts < at(bench, 110)
    assert at(bench, 190) < ends < at(bench, 210)
    tried = await client.post("/jobs?dry_run=true", {**JOB, "finish_by": at(bench, 150)}, 409)
    assert tried["code"] == "deadline_unreachable"
    job_id = (await submit(client, 202, finish_by=at(bench, 250)))["job_id"]
    assert (await client.get(f"/jobs/{job_id}"))["finish_by"] == at(bench, 250)


async def test_without_an_estimate_only_its_own_start_refuses_a_job(
    client: Client, bench: Bench
) -> None:
    bench.clock.now = bench.store.clock()
    await submit(client, 202, finish_by=at(bench, 60))
    problem = await submit(client, 409, finish_by=at(bench, 60), delay=120)
    assert "starts at the earliest at" in problem["detail"]
    assert "estimated_end_at" not in problem
    await submit(client, 409, finish_by="2020-01-31")


@pytest.mark.usefixtures("busy")
async def test_a_repeated_submission_gets_its_job_although_it_would_be_late_now(
    client: Client, bench: Bench
) -> None:
    async def send(status: int, finish_by: str) -> Any:
        body = b'{"type": "sleep", "payload": {"seconds": 1}, "finish_by": "%s"}'
        headers = {"Content-Type": "application/json", "Idempotency-Key": "a"}
        sent = {"method": "POST", "headers": headers, "body": body % finish_by.encode()}
        response = await client.fetch("/jobs", **sent)
        assert response.code == status, response.body
        return response

    in_time = at(bench, 250)
    await send(409, at(bench, 150))
    first = await send(202, in_time)
    for _ in range(5):
        bench.enqueue("sleep", priority=1)
    await submit(client, 409, finish_by=in_time)
    again = await send(202, in_time)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.body == first.body


@pytest.mark.usefixtures("busy")
async def test_a_form_is_refused_before_its_file_arrives(client: Client, bench: Bench) -> None:
    for text in (b"2020-01-31", b'"2020-01-31"'):
        problem = await client.post_form([("finish_by", None, text), *analyze_form()], 409)
        assert problem["code"] == "deadline_unreachable"
    folder = bench.store.uploads.folder
    assert folder
    assert upload_files(folder) == []
    form = [("finish_by", None, at(bench, 900).encode()), *analyze_form()]
    assert (await client.post_form(form))["status"] == "queued"


async def test_times_of_forms_need_no_quotes(client: Client) -> None:
    for text in (b"2040-01-31", b'"2040-01-31"'):
        for name in ("expires_at", "finish_by", "run_at"):
            job_id = (await client.post_form([(name, None, text), *analyze_form()]))["job_id"]
            assert (await client.get(f"/jobs/{job_id}"))[name] == "2040-01-31T00:00:00.000Z"


async def test_a_wrong_time_is_refused(client: Client) -> None:
    for given in ("soon", 5, "2030-01-31T12:00:00"):
        (error,) = (await submit(client, 422, finish_by=given))["errors"]
        assert error["field"] == "finish_by"
        assert "2030-01-31" in error["detail"]


async def test_a_missed_deadline_is_shown_by_job_events_and_metrics(
    client: Client, bench: Bench
) -> None:
    job_id = (await submit(client, 202, finish_by=_soon()))["job_id"]
    store = bench.store
    record_missed(store.database, store.wakeup, store.clock() + 3_600_000)
    job = await client.get(f"/jobs/{job_id}")
    assert job["missed_at"] > job["finish_by"]
    await client.post(f"/jobs/{job_id}/cancel", None, 200)
    stream = (await client.fetch(f"/jobs/{job_id}/events?last_event_id=0")).body.decode()
    assert [line for line in stream.splitlines() if line.startswith("event:")] == [
        "event: status",
        "event: deadline",
        "event: status",
        "event: end",
    ]
    assert f'"finish_by":"{job["finish_by"]}"' in stream.replace(" ", "")
    metrics = (await client.fetch("/metrics")).body.decode()
    assert 'job_service_deadlines_missed_total{type="sleep"} 1.0' in metrics


def _soon() -> str:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() + 600, UTC).isoformat()
