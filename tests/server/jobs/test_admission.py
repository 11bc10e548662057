"""The order of the checks of a submission, which is the same on both paths."""

import json
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from server.auth import rate_limits
from server.start.app import App
from tests.support.api import Client, analyze_form, form, open_app, read
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test
SLEEP = json.dumps({"type": "sleep", "payload": {"seconds": 1}}).encode()
JSON = {"Content-Type": "application/json"}
NO_ROOM = 2**60


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    limits = {"max_queued_jobs": 1, "min_free_bytes": NO_ROOM, "rate_limit": 0.001}
    with patch.object(rate_limits, "MIN_BURST", 9), open_app(bench, io_loop, **limits) as app:
        yield app


@pytest.fixture
def client(app: App, http_client: AsyncHTTPClient, base_url: str) -> Client:
    return Client(http_client, base_url)


async def code(client: Client, status: int, body: bytes = SLEEP, **headers: str) -> str:
    """Submit, and return the code of the problem."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = await client.fetch("/jobs", method="POST", body=body, headers={**JSON, **named})
    return str(read(response, status)["code"])


async def fill(app: App, bench: Bench) -> None:
    """Let as many jobs be queued as may be."""
    bench.enqueue()
    await app.queue_watermark._recount()
    app.queue_watermark._next_count_at = app.queue_watermark._valid_until


@pytest.mark.sqlite
async def test_a_full_queue_goes_before_a_full_disk_and_both_before_the_key_and_the_body(
    app: App, client: Client, bench: Bench
) -> None:
    assert await code(client, 507) == "disk_full"
    assert await code(client, 507, b"{", Idempotency_Key="") == "disk_full"
    await fill(app, bench)
    assert await code(client, 503) == "queue_full"
    assert await code(client, 503, b"{", Idempotency_Key="") == "queue_full"
    body, kind = form(analyze_form())
    assert await code(client, 503, body, Content_Type=kind) == "queue_full"


async def test_what_is_wrong_with_the_head_goes_before_what_the_service_lacks(
    app: App, client: Client, bench: Bench
) -> None:
    await fill(app, bench)
    assert await code(client, 415, Content_Type="text/plain") == "media_type_unsupported"
    assert await code(client, 413, b" " * 1024**2 + SLEEP) == "body_too_large"
    for _ in range(9):
        status = (await client.fetch("/jobs", method="POST", body=SLEEP, headers=JSON)).code
    assert status == 429
