"""Bulk cancel and retry: exactly the jobs that match the filters are changed."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from storage.queries import bulk
from storage.queries.bulk import Bulk, BulkChange
from storage.queries.search import find
from storage.records.filters import Filters
from storage.records.states import Status
from tests.server.api.jobs.test_retry_and_delete import failed
from tests.support.api import Client, fields
from tests.support.stores import RAISED, RETURNED, Bench

pytestmark = pytest.mark.tornado

ALL = Filters()


@pytest.fixture
def many(bench: Bench) -> Bulk:
    return Bulk(bench.store.database, bench.store.wakeup, bench.clock)


def test_all_jobs_that_are_not_final_are_canceled(bench: Bench, many: Bulk) -> None:
    done = failed(bench).job_id
    held = bench.enqueue("b")
    runner = bench.runner()
    fence = runner.claim_one()
    queued = [bench.enqueue() for _ in range(3)]
    assert many.cancel(ALL, None, dry_run=True) == BulkChange(4, 0, None)
    assert [bench.job(job_id).status for job_id in queued] == ["queued"] * 3
    assert many.cancel(ALL, None, dry_run=False) == BulkChange(4, 4, None)
    assert [bench.job(job_id).status for job_id in queued] == ["canceled"] * 3
    assert (bench.job(held).status, bench.job(done).status) == ("running", "failed")
    assert runner.claims.to_cancel() == [fence]
    asked_at = bench.job(held).cancel_requested_at
    bench.clock.forward(1)
    assert many.cancel(ALL, None, dry_run=False) == BulkChange(1, 0, None)
    assert bench.job(held).cancel_requested_at == asked_at


def test_all_failed_and_canceled_jobs_are_retried(bench: Bench, many: Bulk) -> None:
    again = [failed(bench).job_id, bench.enqueue()]
    bench.jobs.cancel(again[1])
    bench.enqueue()
    runner = bench.runner()
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    assert many.retry(ALL, None, dry_run=False) == BulkChange(2, 2, None)
    assert [bench.job(job_id).client_retries for job_id in again] == [1, 1]
    assert many.retry(ALL, None, dry_run=False) == BulkChange(0, 0, None)


def test_only_jobs_that_match_the_filters_are_changed(bench: Bench, many: Bulk) -> None:
    chosen, others = bench.enqueue("b"), [bench.enqueue("a"), bench.enqueue("a")]
    assert many.cancel(Filters(type="b"), None, dry_run=False) == BulkChange(1, 1, None)
    assert bench.job(chosen).status == "canceled"
    assert [bench.job(job_id).status for job_id in others] == ["queued"] * 2
    running = Filters(frozenset({Status.RUNNING, Status.FAILED}))
    assert many.cancel(running, None, dry_run=False) == BulkChange(0, 0, None)
    final = Filters(frozenset({Status.SUCCEEDED}))
    assert many.cancel(final, None, dry_run=False) == BulkChange(0, 0, None)
    assert many.retry(final, None, dry_run=False) == BulkChange(0, 0, None)


def test_many_jobs_are_changed_batch_by_batch_and_call_by_call(
    bench: Bench, many: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "LIMIT", 5)
    monkeypatch.setattr(bulk, "BATCH", 2)
    monkeypatch.setattr(bulk, "DRY_LIMIT", 9)
    for _ in range(11):
        bench.enqueue()
    dry = many.cancel(ALL, None, dry_run=True)
    assert (dry.matched, dry.changed, dry.next is None) == (9, 0, False)
    found: list[tuple[int, int]] = []
    before: UUID | None = None
    while not found or before:
        done = many.cancel(ALL, before, dry_run=False)
        found.append((done.matched, done.changed))
        before = done.next
    assert found == [(5, 5), (5, 5), (1, 1)]


def test_a_job_that_changed_in_the_meantime_is_not_counted(
    bench: Bench, many: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, left = bench.enqueue(), bench.enqueue()
    runner = bench.runner()

    def find_and_be_late(*args: Any) -> Any:
        found = find(*args)
        runner.claims.fail(runner.claim_one(), RAISED)
        return found

    monkeypatch.setattr(bulk, "find", find_and_be_late)
    assert many.cancel(ALL, None, dry_run=False) == BulkChange(2, 1, None)
    assert [bench.job(each).status for each in (taken, left)] == ["failed", "canceled"]


@pytest.mark.gen_test
async def test_many_jobs_are_canceled_and_retried_over_http(client: Client, bench: Bench) -> None:
    ids = [await client.sleep_job() for _ in range(3)]
    body: dict[str, Any] = {"status": ["queued"], "type": "sleep", "dry_run": True}
    answer = await client.post("/jobs/cancel", body, status=200)
    assert answer == {"matched": 3, "changed": 0, "dry_run": True, "next": None}
    answer = await client.post("/jobs/cancel", {**body, "dry_run": False}, status=200)
    assert answer == {"matched": 3, "changed": 3, "dry_run": False, "next": None}
    listed = await client.get("/jobs?status=canceled")
    assert [job["job_id"] for job in listed["items"]] == ids[::-1]
    answer = await client.post("/jobs/retry", {"all": True}, status=200)
    assert answer["changed"] == 3
    answer = await client.post("/jobs/retry", {"text": "5", "status": "canceled"}, status=200)
    assert answer["matched"] == 0


@pytest.mark.gen_test
async def test_a_bulk_change_continues_with_its_cursor(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "LIMIT", 2)
    for _ in range(3):
        await client.sleep_job()
    first = await client.post("/jobs/cancel", {"all": True}, status=200)
    assert (first["matched"], first["changed"]) == (2, 2)
    rest = {"all": True, "cursor": first["next"]}
    answer = await client.post("/jobs/cancel", rest, status=200)
    assert (answer["changed"], answer["next"]) == (1, None)


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ([], "body"),
        ({"all": False}, "body"),
        ({"dry_run": True}, "body"),
        ({"all": True, "type": "sleep"}, "body"),
        ({"all": 1}, "all"),
        ({"type": "sleep", "statuss": ["failed"]}, "statuss"),
        ({"status": []}, "status"),
        ({"status": ["done"]}, "status[0]"),
        ({"status": 5}, "status"),
        ({"type": 5}, "type"),
        ({"created_after": 1893456000}, "created_after"),
        ({"all": True, "cursor": "?"}, "cursor"),
        ({"all": True, "dry_run": "yes"}, "dry_run"),
    ],
    ids=str,
)
async def test_a_bulk_change_without_a_selection_changes_no_job(
    client: Client, bench: Bench, body: Any, field: str
) -> None:
    job_id = await client.sleep_job()
    assert fields(await client.post("/jobs/cancel", body, status=422)) == [field]
    assert bench.job(UUID(job_id)).status == "queued"


@pytest.mark.gen_test
async def test_a_bulk_change_needs_json(client: Client) -> None:
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):
        response = await client.fetch("/jobs/retry", method="POST", body="{}", headers=headers)
        assert response.code == 415
    await client.post("/jobs/retry", b"", status=400)
    await client.post("/jobs/retry", b" " * (1024**2 + 1), status=413)
    response = await client.fetch("/jobs/cancel", method="GET")
    assert (response.code, response.headers["Allow"]) == (405, "OPTIONS, POST")


@pytest.mark.gen_test
async def test_a_bulk_change_wakes_a_waiting_request(client: Client) -> None:
    job_id = await client.sleep_job()
    asked = asyncio.ensure_future(client.get(f"/jobs/{job_id}?wait=20"))
    await client.post("/jobs/cancel", {"all": True}, status=200)
    assert (await asked)["status"] == "canceled"
