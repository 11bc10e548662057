"""Wrong tokens are limited by address, and valid callers have limits of their own."""

import json
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from server.auth.rate_limits import MAX_FAILURES
from server.http_server import HttpApplication
from tests.support.api import Client, open_app, read
from tests.support.callers import API_TOKENS, bearer, token
from tests.support.stores import Bench

WRONG = {"Authorization": "Bearer jst_wrong-0123456789"}
NO_JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d3f0a4e111"
PAGE = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
pytestmark = pytest.mark.gen_test


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[HttpApplication]:
    """The application, with tokens and a rate."""
    limits = {"rate_limit": 0.01, "rate_burst": 3}
    with open_app(bench, io_loop, api_tokens=API_TOKENS, **limits) as application:
        yield application


@pytest.mark.parametrize("path", ["/jobs", NO_JOB])
async def test_after_some_wrong_tokens_no_token_is_checked(client: Client, path: str) -> None:
    for _ in range(MAX_FAILURES):
        read(await client.fetch(path, headers=WRONG), 401)
    for headers in (WRONG, bearer("ada")):
        refused = await client.fetch(path, headers=headers)
        assert "too many failed" in read(refused, 429)["detail"]
        assert int(refused.headers["Retry-After"]) >= 1


async def test_wrong_tokens_at_the_sign_in_count_as_well(client: Client) -> None:
    async def sign_in(text: str) -> int:
        body = json.dumps({"token": text})
        answer = await client.fetch("/session", method="POST", body=body, headers=PAGE)
        return answer.code

    codes = [await sign_in("jst_wrong-0123456789") for _ in range(2)]
    assert codes == [401, 401]
    for _ in range(MAX_FAILURES):
        await client.fetch("/jobs", headers=WRONG)
    assert await sign_in(token("ada")) == 429


async def test_callers_at_one_address_have_separate_rate_limits(client: Client) -> None:
    for name in ("ann", "ada"):
        codes = [(await client.fetch(NO_JOB, headers=bearer(name))).code for _ in range(4)]
        assert codes == [404, 404, 404, 429]


async def test_requests_without_a_token_are_limited_by_their_address(client: Client) -> None:
    codes = [(await client.fetch("/jobs")).code for _ in range(4)]
    assert codes == [401, 401, 401, 429]
    assert (await client.fetch(NO_JOB, headers=bearer("ada"))).code == 404
