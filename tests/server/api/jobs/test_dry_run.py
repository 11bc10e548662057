"""Dry runs: submissions that are checked and estimated, and store nothing."""

import time
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from storage.records.filters import Filters
from tests.support.api import FILE, Client, analyze_form, form, read
from tests.support.stores import RETURNED, Bench, upload_files

pytestmark = [pytest.mark.gen_test, pytest.mark.tornado]
NO_ID = "00000000-0000-0000-0000-000000000000"


async def try_job(client: Client, status: int = 200, query: str = "", **options: Any) -> Any:
    document = {"type": "sleep", "payload": {"seconds": 5}, **options}
    return await client.post(f"/jobs?dry_run=true{query}", document, status)


async def try_form(client: Client, path: str, parts: list[Any]) -> HTTPResponse:
    body, kind = form(parts)
    return await client.fetch(path, method="POST", body=body, headers={"Content-Type": kind})


def require_nothing_stored(bench: Bench) -> None:
    assert bench.jobs.list(Filters(), 10).jobs == []
    folder = bench.store.uploads.folder
    assert folder
    assert upload_files(folder) == []


async def test_a_dry_run_shows_the_job_and_stores_none(client: Client, bench: Bench) -> None:
    job = await try_job(client, priority=3, tags=["a"], delay=60)
    assert (job["job_id"], job["status"], job["priority"], job["tags"]) == (
        NO_ID,
        "queued",
        3,
        ["a"],
    )
    codes = [reason["code"] for reason in job["dry_run"]["reasons"]]
    assert codes == ["not_due", "no_runner"]
    assert job["dry_run"]["position"] is None
    require_nothing_stored(bench)


async def test_start_and_end_are_estimated(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    runner = bench.runner()
    bench.enqueue("sleep")
    fence = runner.claim_one()
    bench.clock.forward(4)
    runner.claims.complete(fence, "1", RETURNED)
    bench.clock.now = bench.store.clock()
    found = (await try_job(client))["dry_run"]
    assert (found["estimated_seconds"], found["estimated_duration"]) == (0, 4)
    assert (found["position"], found["ahead"], found["slots"], found["busy"]) == (1, 0, 3, 0)
    assert [reason["code"] for reason in found["reasons"]] == ["next"]
    for _ in range(4):
        bench.enqueue("sleep")
    started, bench.clock.now = time.monotonic(), bench.store.clock()
    runner.claims.claim(3)
    found = (await try_job(client, timeout=1.5))["dry_run"]
    elapsed = time.monotonic() - started
    assert (found["position"], found["estimated_duration"]) == (2, 1.5)
    assert 4 - elapsed - 0.01 < found["estimated_seconds"] <= 4
    assert found["estimated_start_at"] < found["estimated_end_at"]


async def test_a_form_is_tried_without_keeping_its_file(client: Client, bench: Bench) -> None:
    for path in ("/jobs?dry_run=true", "/jobs/upload?dry_run=1"):
        job = read(await try_form(client, path, analyze_form()), 200)
        assert (job["job_id"], job["upload"]["name"]) == (NO_ID, "app.log")
        assert job["upload"]["size"] == len(FILE)
    require_nothing_stored(bench)


@pytest.mark.parametrize(
    ("options", "field", "text"),
    [
        ({"queue": "nowhere"}, "queue", "no such queue"),
        ({"payload": {"seconds": -1}}, "payload.seconds", "0"),
        ({"type": "slep"}, "type", "sleep"),
        ({"priority": 101}, "priority", "100"),
    ],
)
async def test_a_wrong_submission_is_refused_as_ever(
    client: Client, bench: Bench, options: dict[str, Any], field: str, text: str
) -> None:
    (error,) = (await try_job(client, 422, **options))["errors"]
    assert error["field"] == field
    assert text in error["detail"]
    require_nothing_stored(bench)


async def test_a_source_without_a_file_is_refused(client: Client, bench: Bench) -> None:
    document = {"type": "analyze", "payload": {"source": {"job_id": NO_ID}}}
    (error,) = (await client.post("/jobs?dry_run=true", document, 422))["errors"]
    assert error["field"] == "payload.source.job_id"


async def test_a_wrong_form_is_refused(client: Client, bench: Bench) -> None:
    parts = [("type", None, b"sleep"), *analyze_form()[1:]]
    response = await try_form(client, "/jobs?dry_run=true", parts)
    assert read(response, 422)["code"] == "invalid_request"
    require_nothing_stored(bench)


@pytest.mark.parametrize(
    ("query", "field"), [("&wait=5", "wait"), ("x", "dry_run"), ("&dryrun=1", "dryrun")]
)
async def test_wrong_parameters_are_refused(client: Client, query: str, field: str) -> None:
    (error,) = (await try_job(client, 422, query))["errors"]
    assert error["field"] == field


async def test_an_idempotency_key_is_not_used_up(client: Client, bench: Bench) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a"}
    given = {"method": "POST", "headers": headers}
    body = b'{"type": "sleep", "payload": {"seconds": 5}}'
    read(await client.fetch("/jobs?dry_run=true", body=body, **given), 200)
    other = b'{"type": "sleep", "payload": {"seconds": 6}}'
    response = await client.fetch("/jobs?dry_run=false", body=other, **given)
    assert "Idempotency-Replayed" not in response.headers
    assert read(response, 202)["job_id"] != NO_ID
