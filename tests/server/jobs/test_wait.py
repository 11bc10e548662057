"""Submissions that wait for their job to become final: `POST /jobs?wait=30`."""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from unittest.mock import patch
from uuid import UUID

import pytest
from tornado.httpclient import HTTPResponse

from server.jobs.long_poll import JobReader
from server.start.app import App
from storage.records.filters import Filters
from storage.records.job import Job, StoreUnavailable
from tests.support.api import Client, analyze_form, fields, form, read
from tests.support.stores import RETURNED, Bench
from tests.support.waiting import until

pytestmark = pytest.mark.gen_test
SLEEP = json.dumps({"type": "sleep", "payload": {"seconds": 5}}).encode()
JSON = {"Content-Type": "application/json"}


def submit(client: Client, path: str, **headers: str) -> "asyncio.Future[HTTPResponse]":
    """Start a submission."""
    call = client.fetch(path, method="POST", body=SLEEP, headers={**JSON, **headers})
    return asyncio.ensure_future(call)


async def stored(bench: Bench) -> Job:
    """Return the one job in the store, after waiting for it."""
    async with asyncio.timeout(10):
        while not (jobs := bench.jobs.list(Filters(), 9).jobs):
            await asyncio.sleep(0.01)
    (job,) = jobs
    return job


async def ended(bench: Bench, submission: Awaitable[HTTPResponse]) -> HTTPResponse:
    """Run the job of a submission, and return the submission's response."""
    await stored(bench)
    runner = bench.runner()
    bench.clock.now *= 2
    with runner.claims.transaction():
        fence = runner.claim_one()
    with runner.claims.transaction():
        runner.claims.complete(fence, '{"found": 1}', RETURNED)
    return await submission


@pytest.mark.parametrize(
    ("path", "headers"), [("/jobs?wait=20", {}), ("/jobs", {"Prefer": "respond-async, wait=20"})]
)
async def test_a_submission_that_waits_gets_the_final_job(
    client: Client, bench: Bench, path: str, headers: dict[str, str]
) -> None:
    response = await ended(bench, submit(client, path, **headers))
    job = read(response, 200)
    assert (job["status"], job["result"]) == ("succeeded", {"found": 1})
    assert response.headers["Location"] == f"/jobs/{job['job_id']}"
    assert response.headers.get("Preference-Applied") == ("wait=20" if headers else None)
    assert job == await client.get(f"/jobs/{job['job_id']}")


async def test_an_upload_that_waits_gets_the_final_job(client: Client, bench: Bench) -> None:
    body, kind = form(analyze_form())
    sent = client.fetch("/jobs?wait=20", method="POST", body=body, headers={"Content-Type": kind})
    job = read(await ended(bench, asyncio.ensure_future(sent)), 200)
    assert (job["upload"]["name"], job["result"]) == ("app.log", {"found": 1})


async def test_after_the_wait_time_the_job_is_sent_as_it_is(client: Client) -> None:
    response = await submit(client, "/jobs?wait=0.05")
    assert read(response, 202)["status"] == "queued"
    assert response.headers["Retry-After"] == "1"
    assert read(await submit(client, "/jobs?wait=0"), 202).keys() == {"job_id", "status"}


async def test_a_preference_that_cannot_be_honoured_is_ignored(client: Client) -> None:
    for preference in ("wait=soon", "respond-async", "wait=-1, wait=20", ",;="):
        response = await submit(client, "/jobs", Prefer=preference)
        assert read(response, 202).keys() == {"job_id", "status"}
        assert "Preference-Applied" not in response.headers


async def test_the_parameter_goes_before_the_preference(client: Client) -> None:
    response = await submit(client, "/jobs?wait=0", Prefer="wait=20")
    assert read(response, 202).keys() == {"job_id", "status"}
    assert "Preference-Applied" not in response.headers


@pytest.mark.parametrize("wait", ["soon", "-1", "61", "nan", ""])
async def test_an_invalid_wait_is_refused_and_no_job_is_stored(client: Client, wait: str) -> None:
    assert fields(read(await submit(client, f"/jobs?wait={wait}"), 422)) == ["wait"]
    assert (await client.get("/jobs"))["items"] == []


async def test_a_failed_wait_still_reports_an_accepted_job(
    app: App, client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(ids: Sequence[UUID]) -> list[Job | None]:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(app.job_store, "get_each", fail)
    answer = read(await submit(client, "/jobs?wait=20"), 202)
    assert answer == {"job_id": str((await stored(bench)).id), "status": "queued"}


async def test_a_cancel_ends_the_wait(client: Client, bench: Bench) -> None:
    submission = submit(client, "/jobs?wait=20")
    job_id = (await stored(bench)).id
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    answer = read(await submission, 200)
    assert (answer["job_id"], answer["status"]) == (str(job_id), "canceled")


async def test_a_key_can_be_repeated_while_its_submission_waits(
    client: Client, bench: Bench
) -> None:
    key = {"Idempotency-Key": "once"}
    first = submit(client, "/jobs?wait=20", **key)
    job_id = str((await stored(bench)).id)
    while (again := await submit(client, "/jobs", **key)).code == 409:
        pass  # the listener has not heard of the commit yet, and still has the key
    assert read(again, 202)["job_id"] == job_id
    assert again.headers["Idempotency-Replayed"] == "true"
    assert read(await ended(bench, first), 200)["job_id"] == job_id


async def test_many_waits_end_each_with_its_own_job(client: Client, bench: Bench) -> None:
    ids = [await client.sleep_job() for _ in range(6)]  # more than are read at once
    waits = [asyncio.ensure_future(client.get(f"/jobs/{job_id}?wait=20")) for job_id in ids]
    both = asyncio.ensure_future(client.get(f"/jobs?id={ids[0]}&id={ids[1]}&wait=20"))
    for job_id in reversed(ids):
        await client.post(f"/jobs/{job_id}/cancel", status=200)
    assert [(await each)["job_id"] for each in waits] == ids
    assert [job["job_id"] for job in (await both)["items"]] == ids[:2]


async def test_a_wait_for_several_jobs_of_which_none_has_ended_goes_on(
    app: App, client: Client
) -> None:
    ids = [UUID(await client.sleep_job()) for _ in range(2)]
    assert await app.reader.until_final(ids, 0, None) == {}
    found = await app.reader.wait(ids, 0.01)
    assert [job.status for job in found.values() if job] == ["queued", "queued"]


@pytest.mark.heavy
async def test_a_wait_ends_when_its_job_is_deleted(app: App, client: Client) -> None:
    job_id, other = await client.sleep_job(), await client.sleep_job()
    waits = [
        asyncio.ensure_future(client.get(f"/jobs/{each}?wait=20", status=status))
        for each, status in ((job_id, 404), (other, 200))
    ]
    await until(lambda: len(app.reader._waits) == len(waits))
    with patch.object(JobReader, "_look", autospec=True):
        await client.post(f"/jobs/{job_id}/cancel", status=200)
        await client.fetch(f"/jobs/{job_id}", method="DELETE")
    assert (await waits[0])["code"] == "job_not_found"
    await client.post(f"/jobs/{other}/cancel", status=200)
    assert (await waits[1])["status"] == "canceled"
