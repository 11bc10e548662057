"""Stream tokens: they open event streams of one caller for a minute, and nothing else.

That they end with the token of the caller is in `test_removed_tokens`.
"""

from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from server.auth import sessions as module
from server.auth.sessions import Sessions
from server.auth.tokens import Tokens, parse_tokens
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.event_clients import Followers
from tests.support.stores import Bench

pytestmark = [pytest.mark.sqlite, pytest.mark.tornado]
TOKENS = "ann:submit:jst_ann-0123456789,own:read-own:jst_own-0123456789"


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    with open_app(bench, io_loop, api_tokens=TOKENS) as application:
        yield application


def bearer(caller: str) -> dict[str, str]:
    return {"Authorization": f"Bearer jst_{caller}-0123456789"}


async def stream_token(client: Client, caller: str) -> str:
    answer = await client.fetch("/stream-tokens", method="POST", body="", headers=bearer(caller))
    return str(read(answer, 200)["stream_token"])


@pytest.mark.gen_test
async def test_a_stream_token_opens_the_streams_of_its_caller_only(
    client: Client, follow: Followers, bench: Bench
) -> None:
    job_id = bench.enqueue(submitted_by="ann")
    tokens = {caller: await stream_token(client, caller) for caller in ("ann", "own")}
    for caller, statuses in (("ann", [200, 200]), ("own", [200, 404])):
        for path, status in zip(("/events", f"/jobs/{job_id}/events"), statuses, strict=True):
            stream = await follow(client.base_url, f"{path}?stream_token={tokens[caller]}")
            assert stream.status == status
    for path in ("/jobs", f"/jobs/{job_id}", "/session"):
        as_query = await client.fetch(f"{path}?stream_token={tokens['ann']}")
        as_header = {"Authorization": f"Bearer {tokens['ann']}"}
        assert as_query.code in (401, 422)
        assert (await client.fetch(path, headers=as_header)).code == 401


@pytest.mark.gen_test
@pytest.mark.parametrize("given", ["", "x", "%FF", "YW5uOng", "ann:x"])
async def test_other_texts_open_no_stream(client: Client, given: str) -> None:
    problem = read(await client.fetch(f"/events?stream_token={given}"), 401)
    assert problem["code"] in ("stream_token_invalid", "token_required")


@pytest.mark.gen_test
async def test_an_old_stream_token_opens_no_stream(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await stream_token(client, "ann")
    monkeypatch.setattr(module, "STREAM_TOKEN_SECONDS", -1.0)
    problem = read(await client.fetch(f"/events?stream_token={token}"), 401)
    assert problem["code"] == "stream_token_invalid"


def test_an_open_stream_outlives_its_stream_token() -> None:
    now = [1_800_000_000.0]
    sessions = Sessions(b"secret", Tokens(parse_tokens(TOKENS), None), 3600, lambda: now[0])
    token = sessions.create_stream_token("ann")
    assert token
    assert sessions.create_stream_token("eve") is None
    assert sessions.caller(token) is None
    for seconds, opens in ((59, True), (2, False)):
        now[0] += seconds
        assert (sessions.stream_caller(token, is_open=False) is not None) is opens
        assert sessions.stream_caller(token, is_open=True)


@pytest.mark.gen_test
async def test_a_cookie_is_no_stream_token(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    body = '{"token": "jst_ann-0123456789"}'
    answer = await client.fetch("/session", method="POST", body=body, headers=headers)
    cookie = answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2].strip('"')
    given = module.encode_text(cookie)
    assert (await client.fetch(f"/events?stream_token={given}")).code == 401
