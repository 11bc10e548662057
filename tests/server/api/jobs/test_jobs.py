"""Submitting, getting, listing and canceling jobs, over real sockets."""

import asyncio
import re
from typing import Any

import pytest

from server.jobs import jobs
from storage.records.release import RELEASE
from tests.support.api import Client
from tests.support.stores import CANCELED, RETURNED, Bench

pytestmark = pytest.mark.gen_test
UNKNOWN = "01a21054-ecc3-7788-9e49-c6d97d1c0c65"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_a_new_job_is_accepted_with_its_location(client: Client) -> None:
    body = b'{"type": "sleep", "payload": {"seconds": 0.5}}'
    headers = {"Content-Type": "application/json"}
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert response.code == 202
    job_id = response.headers["Location"].removeprefix("/jobs/")
    assert response.body.decode() == f'{{"job_id": "{job_id}", "status": "queued"}}\n'


async def test_a_new_job_has_what_was_set_and_what_every_job_has(client: Client) -> None:
    job_id = await client.sleep_job(
        max_retries=3, max_losses=10, timeout=1.5, priority=7, queue="default", tags=[]
    )
    job = await client.get(f"/jobs/{job_id}")
    assert TIME.fullmatch(job.pop("created_at"))
    assert TIME.fullmatch(job.pop("run_at"))
    core: dict[str, Any] = {
        "job_id": job_id,
        "type": "sleep",
        "status": "queued",
        "payload": {"seconds": 5},
        "result": None,
        "error": None,
        "progress": None,
        "attempt": 0,
        "started_at": None,
        "finished_at": None,
        "attempts": [],
    }
    options = {"max_retries": 3, "timeout": 1.5, "priority": 7}
    assert job == {**core, **options}
    full = await client.get(f"/jobs/{job_id}?view=full")
    unset = {"max_losses": 10, "loss_count": 0, "queue": "default", "tags": [], "after": []}
    nulls = ("metadata", "callback_url", "expires_at", "nice", "submitted_by", "runner", "upload")
    assert full.items() >= {**core, **options, **dict.fromkeys(nulls)}.items()
    assert {name: full[name] for name in unset} == unset


async def test_the_document_of_a_final_job_has_its_result_and_attempts(
    client: Client, bench: Bench
) -> None:
    job_id = await client.sleep_job()
    runner = bench.runner()
    bench.clock.now *= 2
    fence = runner.claim_one()
    running = await client.get(f"/jobs/{job_id}")
    assert running["status"] == "running"
    assert running["runner"] == running["locked_by"] == runner.liveness.name
    bench.clock.forward(1.5)
    runner.claims.complete(fence, '{"slept": 5}', RETURNED)
    job = await client.get(f"/jobs/{job_id}")
    assert (job["status"], job["result"], "runner" in job) == ("succeeded", {"slept": 5}, False)
    (attempt,) = job["attempts"]
    assert (attempt["attempt"], attempt["outcome"], attempt["seconds"]) == (1, "returned", 1.5)


async def test_a_job_that_is_not_final_has_a_retry_after_header(client: Client) -> None:
    path = f"/jobs/{await client.sleep_job()}"
    assert (await client.fetch(path)).headers["Retry-After"] == "1"
    await client.post(f"{path}/cancel", status=200)
    assert "Retry-After" not in (await client.fetch(path)).headers


async def test_a_delay_or_a_run_at_postpones_a_job(client: Client) -> None:
    delayed = await client.get(f"/jobs/{await client.sleep_job(delay=3600)}")
    assert delayed["run_at"][:16] > delayed["created_at"][:16]
    at = "2030-01-31T12:00:00.250+02:00"
    dated = await client.get(f"/jobs/{await client.sleep_job(run_at=at)}")
    assert dated["run_at"] == "2030-01-31T10:00:00.250Z"


async def test_equal_submissions_create_two_jobs(client: Client) -> None:
    assert await client.sleep_job() != await client.sleep_job()


async def test_simultaneous_submissions_are_all_stored(client: Client) -> None:
    ids = await asyncio.gather(*(client.sleep_job(priority=n % 5) for n in range(60)))
    listed = await client.get("/jobs?limit=100")
    assert {job["job_id"] for job in listed["items"]} == set(ids)


async def test_a_list_is_newest_first_and_continues_with_its_cursor(client: Client) -> None:
    ids = [await client.sleep_job() for _ in range(5)]
    first = await client.fetch("/jobs?limit=3")
    assert "next" in first.headers["Link"]
    page = await client.get("/jobs?limit=3")
    assert [job["job_id"] for job in page["items"]] == ids[:1:-1]
    assert page["limit"] == 3
    path = re.findall("<(.*)>", first.headers["Link"])[0]
    assert page["next"] in path
    rest = await client.get(path)
    assert [job["job_id"] for job in rest["items"]] == ids[1::-1]
    assert (rest["next"], rest["limit"]) == (None, 3)


async def test_a_list_can_be_filtered_by_status(client: Client) -> None:
    canceled, queued = await client.sleep_job(), await client.sleep_job()
    await client.post(f"/jobs/{canceled}/cancel", status=200)
    for status, ids in (("canceled", [canceled]), ("queued", [queued]), ("failed", [])):
        page = await client.get(f"/jobs?status={status}")
        assert [job["job_id"] for job in page["items"]] == ids


async def test_a_list_can_be_empty(client: Client) -> None:
    assert await client.get("/jobs") == {"items": [], "limit": 50, "next": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("status=done", "status"),
        ("cursor=%21", "cursor"),
        ("cursor=AAAA", "cursor"),
    ],
)
async def test_a_list_refuses_a_bad_query(client: Client, query: str, field: str) -> None:
    problem = await client.get(f"/jobs?{query}", status=422)
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_queued_job_is_canceled_immediately_and_repeatably(client: Client) -> None:
    job_id = await client.sleep_job()
    for _ in range(2):
        answer = await client.post(f"/jobs/{job_id}/cancel", status=200)
        assert answer["job_id"] == job_id
        assert answer["message"] == "job canceled successfully"
    assert (await client.get(f"/jobs/{job_id}"))["status"] == "canceled"


async def test_a_running_job_is_canceled_once_its_runner_confirms_it(
    client: Client, bench: Bench
) -> None:
    job_id = await client.sleep_job()
    runner = bench.runner()
    bench.clock.now *= 2
    fence = runner.claim_one()
    asked = asyncio.ensure_future(client.post(f"/jobs/{job_id}/cancel", status=200))
    while not runner.claims.to_cancel():
        await asyncio.sleep(0.01)
    assert not asked.done()
    with runner.claims.transaction():
        runner.claims.confirm_cancel(fence, CANCELED)
    assert (await asked)["message"] == "job canceled successfully"


async def test_a_cancel_that_is_not_confirmed_in_time_is_a_202(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CANCEL_WAIT_SECONDS", 0.05)
    job_id = await client.sleep_job()
    bench.clock.now *= 2
    bench.runner().claim_one()
    answer = await client.post(f"/jobs/{job_id}/cancel", status=202)
    assert answer == {"job_id": job_id, "status": "running", "message": "cancel requested"}


async def test_a_succeeded_job_cannot_be_canceled(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job()
    runner = bench.runner()
    bench.clock.now *= 2
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    problem = await client.post(f"/jobs/{job_id}/cancel", status=409)
    assert "succeeded" in problem["detail"]


async def test_a_wait_ends_with_the_job(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job()
    asked = asyncio.ensure_future(client.get(f"/jobs/{job_id}?wait=20"))
    runner = bench.runner()
    bench.clock.now *= 2
    fence = runner.claim_one()
    with runner.claims.transaction():
        runner.claims.complete(fence, "1", RETURNED)
    assert (await asked)["status"] == "succeeded"


async def test_a_wait_ends_after_its_time(client: Client) -> None:
    path = f"/jobs/{await client.sleep_job()}"
    assert (await client.get(f"{path}?wait=0.05"))["status"] == "queued"
    response = await client.fetch(path, headers={"Prefer": "respond-async, wait=0"})
    assert response.code == 200
    for bad in ("x", "-1", "61", "nan"):
        assert (await client.get(f"{path}?wait={bad}", status=422))["errors"][0]["field"] == "wait"


@pytest.mark.parametrize("path", ["/nothing", "/jobs/abc", f"/jobs/{UNKNOWN}", "/jobs/a/b/c"])
async def test_an_unknown_path_or_job_is_a_404(client: Client, path: str) -> None:
    await client.get(path, status=404)


@pytest.mark.parametrize("job_id", ["abc", UNKNOWN])
async def test_an_unknown_job_cannot_be_canceled(client: Client, job_id: str) -> None:
    await client.post(f"/jobs/{job_id}/cancel", status=404)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/jobs", "GET, HEAD, OPTIONS, POST"),
        ("PUT", "/healthz", "GET, HEAD, OPTIONS"),
        ("POST", f"/jobs/{UNKNOWN}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", f"/jobs/{UNKNOWN}/cancel", "OPTIONS, POST"),
        ("DELETE", f"/jobs/{UNKNOWN}/cancel", "OPTIONS, POST"),
        ("GET", f"/jobs/{UNKNOWN}/retry", "OPTIONS, POST"),
        ("BREW", "/jobs", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_an_unsupported_method_is_a_405(
    client: Client, method: str, path: str, allow: str
) -> None:
    response = await client.fetch(path, method=method)
    assert response.code == 405
    assert response.headers["Allow"] == allow
    assert response.headers["Content-Type"] == "application/problem+json"


async def test_head_and_options_have_no_body(client: Client) -> None:
    head = await client.fetch("/jobs", method="HEAD")
    assert (head.code, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0
    options = await client.fetch("/jobs", method="OPTIONS")
    assert (options.code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_an_unchanged_job_is_a_304(client: Client) -> None:
    path = f"/jobs/{await client.sleep_job()}"
    etag = (await client.fetch(path)).headers["Etag"]
    assert (await client.fetch(path, headers={"If-None-Match": etag})).code == 304


async def test_the_index_names_the_job_types(client: Client) -> None:
    index = await client.get("/")
    assert set(index["job_types"]) == {"analyze", "sleep"}
    assert (await client.get("/healthz")) == {"status": "ok", "version": RELEASE}
