"""A token that is removed from its file ends what was begun with it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.event_clients import Follower, Followers
from tests.support.stores import Bench

pytestmark = pytest.mark.sqlite

EVE, BOB = "jst_eve-0123456789", "jst_bob-0123456789"
BOTH = f"eve:admin:{EVE}\nbob:read:{BOB}\n"
SLEEP = {"type": "sleep", "payload": {"seconds": 5}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of tokens, which a test changes."""
    path = tmp_path / "tokens"
    path.write_text(BOTH)
    return path


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, file: Path) -> Iterator[App]:
    """The application, with the tokens of that file."""
    given = {"api_tokens_file": str(file), "cookie_secret": "sixteen characters"}
    with open_app(bench, io_loop, **given) as application:
        yield application


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def submit(client: Client) -> str:
    answer = await client.fetch(
        "/jobs",
        method="POST",
        body=json.dumps(SLEEP),
        headers={**bearer(EVE), "Content-Type": "application/json"},
    )
    assert answer.code == 202, answer.body
    return str(json.loads(answer.body)["job_id"])


async def sign_in(client: Client, token: str) -> dict[str, str]:
    """The Cookie header of a browser that has signed in."""
    answer = await client.fetch(
        "/session",
        method="POST",
        body=json.dumps({"token": token}),
        headers={"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.code == 200
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


async def stream_token(client: Client, headers: dict[str, str]) -> str:
    answer = await client.fetch("/stream-tokens", method="POST", body="", headers=headers)
    return str(read(answer, 200)["stream_token"])


async def follow_all(
    follow: Followers, client: Client, headers: dict[str, str], job_id: str, query: str = ""
) -> list[Follower]:
    paths = "/events?", "/events?last_event_id=0&", f"/jobs/{job_id}/events?"
    opened = [await follow(client.base_url, path + query, headers=headers) for path in paths]
    for follower in opened:
        assert follower.status == 200
        await follower.begun()
    return opened


@pytest.mark.gen_test
@pytest.mark.parametrize("way", ["header", "cookie", "stream token"])
@pytest.mark.parametrize(
    "text",
    [
        f"bob:read:{BOB}\n",
        f"eve:admin:{EVE}-new\nbob:read:{BOB}\n",
        f"#eve:admin:{EVE}\nbob:read:{BOB}\n",
    ],
    ids=["removed", "replaced", "commented out"],
)
async def test_streams_and_sessions_of_a_removed_token_end(
    client: Client, follow: Followers, file: Path, text: str, way: str
) -> None:
    job_id = await submit(client)
    eve = await sign_in(client, EVE) if way == "cookie" else bearer(EVE)
    headers, query = eve, ""
    if way == "stream token":
        headers, query = {}, f"stream_token={await stream_token(client, eve)}"
    ending = await follow_all(follow, client, headers, job_id, query)
    (staying, *_) = await follow_all(follow, client, bearer(BOB), job_id)
    file.write_text(text)
    for follower in ending:
        await follower.rest()  # before a heartbeat would be due
    assert (await client.fetch("/jobs", headers=eve)).code == 401
    await client.fetch("/jobs", headers=bearer(BOB))
    assert staying.status == 200
    again = await follow(client.base_url, f"/events?{query}", headers=headers)
    assert again.status == 401


@pytest.mark.gen_test
async def test_other_streams_continue(
    client: Client, follow: Followers, bench: Bench, file: Path
) -> None:
    job_id = await submit(client)
    (ending, *_) = await follow_all(follow, client, bearer(EVE), job_id)
    (staying, *_) = await follow_all(follow, client, bearer(BOB), job_id)
    file.write_text(f"bob:submit:{BOB}\n")
    await ending.rest()
    bench.enqueue()
    assert (await staying.next()) is not None


@pytest.mark.gen_test
async def test_a_reduced_role_applies_to_sessions_at_once(
    client: Client, follow: Followers, file: Path
) -> None:
    job_id, cookie = await submit(client), await sign_in(client, EVE)
    (stream, *_) = await follow_all(follow, client, cookie, job_id)
    changing = {**cookie, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    file.write_text(f"eve:read:{EVE}\nbob:read:{BOB}\n")
    async with asyncio.timeout(10):
        while True:
            answer = await client.fetch(
                "/jobs", method="POST", body=json.dumps(SLEEP), headers=changing
            )
            if answer.code == 403:
                break
            assert answer.code == 202
    assert (await client.fetch("/jobs", headers=cookie)).code == 200
    assert (await stream.next()) is not None  # it may still read


@pytest.mark.gen_test
async def test_a_request_whose_body_ends_after_the_removal_changes_nothing(
    client: Client, file: Path, bench: Bench
) -> None:
    body = json.dumps(SLEEP).encode()
    host, port = client.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /jobs HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {EVE}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:5])
    await client.fetch("/jobs", headers=bearer(BOB))
    file.write_text(f"bob:read:{BOB}\n")
    async with asyncio.timeout(10):
        while (await client.fetch("/jobs", headers=bearer(EVE))).code != 401:
            await asyncio.sleep(0.05)
    writer.write(body[5:])
    assert (await asyncio.wait_for(reader.readline(), 10)).split()[1] == b"401"
    writer.close()
    assert b"job_id" not in (await client.fetch("/jobs", headers=bearer(BOB))).body


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "path",
    ["/jobs", "/jobs/{id}", "/jobs/{id}?wait=1", "/metrics", "/overview", "/queues", "/session"],
)
async def test_responses_that_need_a_token_are_not_kept(client: Client, path: str) -> None:
    path = path.format(id=await submit(client))
    for headers in (bearer(EVE), bearer("jst_unknown-0123456"), {}):
        answer = await client.fetch(path, headers=headers)
        assert answer.code == (200 if headers == bearer(EVE) else 401)
        assert answer.headers["Cache-Control"] == "no-store"
    missing = await client.fetch(f"{path}/nothing/here", headers=bearer(EVE))
    assert missing.headers["Cache-Control"] == "no-store"
