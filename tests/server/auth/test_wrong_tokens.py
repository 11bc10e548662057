"""Wrong tokens are limited by address, and valid callers have limits of their own."""

import asyncio
import json
import socket
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from tornado.ioloop import IOLoop

from server.auth import rate_limits
from server.auth.authenticate import MAX_FAILURES
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.callers import API_TOKENS, bearer, token
from tests.support.raw_http import parse_response, receive_all, try_send
from tests.support.stores import Bench

WRONG = {"Authorization": "Bearer jst_wrong-0123456789"}
NO_JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d3f0a4e111"
PAGE = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with tokens and a rate, behind a trusted proxy."""
    limits = {"rate_limit": 0.01, "trusted_proxies": "127.0.0.1"}
    with (
        patch.object(rate_limits, "MIN_BURST", 3),
        open_app(bench, io_loop, api_tokens=API_TOKENS, **limits) as application,
    ):
        yield application


async def fail_too_often(client: Client) -> None:
    """Use up the failures that an address may have."""
    for _ in range(MAX_FAILURES):
        read(await client.fetch("/jobs", headers=WRONG), 401)


async def sign_in(client: Client, text: str) -> int:
    body = json.dumps({"token": text})
    return (await client.fetch("/session", method="POST", body=body, headers=PAGE)).code


@pytest.mark.parametrize("path", ["/jobs", NO_JOB])
async def test_after_some_wrong_tokens_more_of_them_get_429(client: Client, path: str) -> None:
    for _ in range(MAX_FAILURES):
        read(await client.fetch(path, headers=WRONG), 401)
    refused = await client.fetch(path, headers=WRONG)
    assert "too many failed" in read(refused, 429)["detail"]
    assert int(refused.headers["Retry-After"]) >= 1


async def test_the_body_of_a_client_without_a_valid_token_is_soon_read_no_further(
    client: Client,
) -> None:
    size, port = 200 * 2**20, int(client.base_url.rpartition(":")[2])
    lines = [
        "POST /jobs HTTP/1.1",
        "Host: localhost",
        f"Authorization: {WRONG['Authorization']}",
        f"Content-Length: {size}",
        "Content-Type: multipart/form-data; boundary=x",
    ]

    def send_on() -> tuple[int, int]:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
            sender.sendall("\r\n".join([*lines, "", ""]).encode())
            sent = 0
            while sent < size and try_send(sender, b"x" * 100_000):
                sent += 100_000
            return sent, parse_response(receive_all(sender))[0]

    for status in [401] * MAX_FAILURES + [429]:
        sent, answered = await asyncio.to_thread(send_on)
        assert answered == status
        assert sent < size // 4  # bytes that are read, or kept by the kernel


@pytest.mark.parametrize(("path", "status"), [("/jobs", 200), (NO_JOB, 404)])
async def test_a_valid_token_passes_however_many_wrong_ones_came_before(
    client: Client, path: str, status: int
) -> None:
    await fail_too_often(client)
    for name in ("ada", "ann", "rob"):
        assert (await client.fetch(path, headers=WRONG)).code == 429
        read(await client.fetch(path, headers=bearer(name)), status)


async def test_a_valid_token_signs_in_however_many_wrong_ones_came_before(client: Client) -> None:
    await fail_too_often(client)
    codes = [(await client.fetch("/jobs")).code for _ in range(4)]
    assert codes[-1] == 429
    assert [await sign_in(client, token("ada")) for _ in range(4)] == [200, 200, 200, 429]


async def test_wrong_tokens_at_the_sign_in_count_as_well(client: Client) -> None:
    codes = [await sign_in(client, "jst_wrong-0123456789") for _ in range(MAX_FAILURES + 1)]
    assert codes == [401] * MAX_FAILURES + [429]
    read(await client.fetch("/jobs", headers=WRONG), 429)


async def test_wrong_tokens_count_against_the_client_behind_a_trusted_proxy(
    client: Client,
) -> None:
    for last in range(MAX_FAILURES):  # all of one IPv6 network
        await client.fetch(NO_JOB, headers={**WRONG, "X-Forwarded-For": f"2001:db8::{last}"})
    same, other = {"X-Forwarded-For": "2001:db8::ffff"}, {"X-Forwarded-For": "2001:db9::1"}
    for path in ("/jobs", NO_JOB):
        read(await client.fetch(path, headers={**WRONG, **same}), 429)
        read(await client.fetch(path, headers={**WRONG, **other}), 401)
    read(await client.fetch(NO_JOB, headers={**bearer("ada"), **same}), 404)


async def test_callers_at_one_address_have_separate_rate_limits(client: Client) -> None:
    for name in ("ann", "ada"):
        codes = [(await client.fetch(NO_JOB, headers=bearer(name))).code for _ in range(4)]
        assert codes == [404, 404, 404, 429]


async def test_requests_without_a_token_are_limited_by_their_address(client: Client) -> None:
    codes = [(await client.fetch("/jobs")).code for _ in range(4)]
    assert codes == [401, 401, 401, 429]
    assert (await client.fetch(NO_JOB, headers=bearer("ada"))).code == 404
