"""While too many jobs are queued, new ones are refused."""

import json
import math
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from server.jobs import admission
from server.start.app import App
from tests.support.api import Client, analyze_form, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.stores import Bench
from tests.support.waiting import until

pytestmark = pytest.mark.gen_test
SLEEP = {"type": "sleep", "payload": {"seconds": 1}}
MAX_QUEUED = 3


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, request: pytest.FixtureRequest) -> Iterator[App]:
    """A listener that counts the queued jobs only when a test lets it."""
    given = {"max_queued_jobs": MAX_QUEUED, **getattr(request, "param", {})}
    with open_app(bench, io_loop, **given) as application:
        application.queue_watermark._next_count_at = math.inf
        yield application


@pytest.fixture
def client(app: App, http_client: AsyncHTTPClient, base_url: str) -> Client:
    return Client(http_client, base_url)


async def fill(app: App, client: Client) -> list[str]:
    """Submit jobs up to the limit, and let the listener count them."""
    jobs = [await client.sleep_job() for _ in range(MAX_QUEUED)]
    await recount(app)
    return jobs


async def recount(app: App) -> None:
    """Let the listener count the queued jobs."""
    await app.queue_watermark._recount()
    app.queue_watermark._valid_until = math.inf


async def test_above_the_watermark_new_jobs_and_retries_get_503(app: App, client: Client) -> None:
    jobs = await fill(app, client)
    await client.post(f"/jobs/{jobs[0]}/cancel", status=200)
    await recount(app)
    await client.sleep_job()
    await recount(app)
    headers = {"Content-Type": "application/json", "X-Plain": "no"}
    body = '{"type": "sleep", "payload": {"seconds": 1}}'
    slow = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert "MAX_QUEUED_JOBS" in read(slow, 503)["detail"]
    assert slow.headers["Retry-After"] == "10"
    await client.post("/jobs", SLEEP, status=503)
    await client.post_form(analyze_form(b"x" * 10**6), status=503)
    await client.post(f"/jobs/{jobs[0]}/retry", status=503)
    await client.post("/jobs/retry", {"all": True}, status=503)
    assert (await client.post("/jobs/retry", {"all": True, "dry_run": True}, 200))["matched"] == 1
    assert len((await client.get("/jobs"))["items"]) == MAX_QUEUED + 1


async def test_jobs_are_accepted_again_once_fewer_are_queued(app: App, client: Client) -> None:
    jobs = await fill(app, client)
    await client.post("/jobs", SLEEP, status=503)
    await client.post(f"/jobs/{jobs[0]}/cancel", status=200)
    app.queue_watermark._next_count_at = 0.0
    await client.post("/jobs", SLEEP, status=503)  # triggers a recount
    await until(lambda: app.queue_watermark._queued < MAX_QUEUED)
    await client.sleep_job()


async def test_an_outdated_count_refuses_no_job(app: App, client: Client) -> None:
    await fill(app, client)
    app.queue_watermark._valid_until = 0.0
    await client.sleep_job()


async def test_jobs_are_counted_now_and_then_and_only_for_submissions(
    app: App, client: Client
) -> None:
    with patch.object(admission, "QUEUE_COUNT_SECONDS", 3600):
        counts = []
        watermark = app.queue_watermark
        count = watermark._count

        async def recount() -> int:
            counts.append(1)
            return await count()

        watermark._count = recount
        watermark._next_count_at = 0.0
        await client.get("/jobs")
        assert counts == []
        for _ in range(MAX_QUEUED):
            await client.sleep_job()
        assert counts == [1]


async def test_jobs_admitted_since_the_last_count_are_added(app: App, client: Client) -> None:
    await client.sleep_job()
    await recount(app)
    await client.sleep_job()
    await client.sleep_job()
    await client.post("/jobs", SLEEP, status=503)


async def submit_as(client: Client, caller: str, path: str = "/jobs", document: Any = SLEEP) -> Any:
    headers = {**bearer(caller), "Content-Type": "application/json"}
    return await client.fetch(path, method="POST", body=json.dumps(document), headers=headers)


@pytest.mark.parametrize(
    "app", [{"max_queued_jobs": 8, "api_tokens": API_TOKENS}], indirect=True, ids=["tokens"]
)
async def test_no_caller_can_fill_the_queue_of_others(app: App, client: Client) -> None:
    await recount(app)
    refused = read(await submit_as(client, "sue", "/jobs/batch", [SLEEP] * 6), 503)
    assert refused["detail"] == (
        "you have 0 of the 8 queued jobs (MAX_QUEUED_JOBS) that the service can have, and the rest"
        " is for other callers, so 5 more would be too many"
    )
    await recount(app)
    callers = ("sue",) * 4 + ("ann",) * 2 + ("ada",) * 2
    for number, caller in enumerate(callers):
        if number == 3:
            read(await submit_as(client, "sue"), 202)
            full = await submit_as(client, "sue")
            assert read(full, 503)["detail"].startswith("you have 4 of the 8 queued jobs")
            assert full.headers["Retry-After"] == "10"
        else:
            read(await submit_as(client, caller), 202)
    assert (await submit_as(client, "ann")).code == 503
