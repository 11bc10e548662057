"""Tokens that expire: in the settings, for requests, for sessions and for open streams."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from server.auth.token_entries import TokensError, utc
from server.auth.tokens import Tokens, parse_tokens
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.event_clients import Followers
from tests.support.stores import Bench
from tests.support.waiting import until

pytestmark = pytest.mark.sqlite

EVE, BOB = "jst_eve-0123456789", "jst_bob-0123456789"
SLOW = {"X-Plain": "no"}
DAY = 1_798_675_200  # 2026-12-31
NO_JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of tokens, which a test changes."""
    path = tmp_path / "tokens"
    path.write_text(f"eve:admin expires=2999-01-01:{EVE}\nbob:admin:{BOB}\n")
    return path


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, file: Path) -> Iterator[App]:
    """The application, with the tokens of that file."""
    given = {"api_tokens_file": str(file), "cookie_secret": "sixteen characters"}
    with open_app(bench, io_loop, **given) as application:
        yield application


def expire(app: App) -> None:
    """Let the token of eve expire, as if its time had come."""
    tokens = app.authenticator.tokens
    assert tokens
    vars(tokens)["_wall_clock"] = lambda: 40_000_000_000.0


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-12-31", DAY),
        ("2026-12-31T00:00Z", DAY),
        ("2026-12-31T01:30:00+01:30", DAY),
        ("2026-12-31T00:00:01Z", DAY + 1),
    ],
)
@pytest.mark.parametrize("token", [EVE, "sha256:" + "0" * 64])
def test_an_entry_may_have_an_end(text: str, at: int, token: str) -> None:
    (one,) = parse_tokens(f"eve:read expires={text}:{token}")
    assert (one.expires_at, one.caller.name) == (at, "eve")
    assert [one.has_expired(now) for now in (at - 1, at, at + 1)] == [False, True, True]
    assert parse_tokens(one.line()) == [one]
    assert utc(at) in one.line()


@pytest.mark.parametrize(
    "rights",
    [
        "read expires=",
        "read expires=soon",
        "read expires=2026-12-31T00:00:00",
        "read expires=2026-02-30",
        "read expire=2026-12-31",
        "read expires=2026-12-31 expires=2026-12-31",
        "read 2026-12-31",
        " expires=2026-12-31",
    ],
)
def test_an_invalid_end_is_refused_and_no_token_is_shown(rights: str) -> None:
    with pytest.raises(TokensError) as caught:
        parse_tokens(f"eve:{rights}:{EVE}")
    assert EVE not in str(caught.value)


def test_the_end_of_a_token_is_a_change() -> None:
    now = [DAY - 1.0]
    given = parse_tokens(f"eve:read expires=2026-12-31:{EVE},bob:read:{BOB}")
    among = Tokens(given, None, wall_clock=lambda: now[0])
    assert (among.changes, among.by_name("eve")) == (0, given[0])
    now[0] += 1
    assert (among.changes, among.by_name("eve"), among.by_name("bob")) == (1, None, given[1])
    assert among.find_any(EVE) == given[0]
    assert [among.has_expired(each) for each in given] == [True, False]


@pytest.mark.gen_test
async def test_an_expired_token_is_a_401_that_says_when_it_ended_on_both_paths(
    app: App, client: Client
) -> None:
    headers = {"Authorization": f"Bearer {EVE}"}
    for more in ({}, SLOW):
        read(await client.fetch(NO_JOB, headers=headers | more), 404)
    expire(app)
    for more in ({}, SLOW):
        answer = await client.fetch(NO_JOB, headers=headers | more)
        problem = read(answer, 401)
        assert problem["code"] == "token_expired"
        assert "expired at 2999-01-01T00:00:00Z" in problem["detail"]
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    read(await client.fetch(NO_JOB, headers={"Authorization": f"Bearer {BOB}"}), 404)


@pytest.mark.gen_test
async def test_an_expired_token_ends_its_sessions_and_cannot_sign_in(
    app: App, client: Client
) -> None:
    given = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    body = json.dumps({"token": EVE})
    answer = await client.fetch("/session", method="POST", body=body, headers=given)
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    assert (await client.fetch("/jobs", headers=cookie)).code == 200
    expire(app)
    assert read(await client.fetch("/jobs", headers=cookie), 401)["code"] == "session_ended"
    answer = await client.fetch("/session", method="POST", body=body, headers=given)
    assert read(answer, 401)["code"] == "token_expired"


@pytest.mark.gen_test
async def test_an_expired_token_ends_its_event_streams(
    app: App, client: Client, follow: Followers
) -> None:
    mine = await follow(client.base_url, "/events", headers={"Authorization": f"Bearer {EVE}"})
    other = await follow(client.base_url, "/events", headers={"Authorization": f"Bearer {BOB}"})
    for each in (mine, other):
        await each.begun()
    expire(app)
    await mine.rest()
    await until(lambda: app.event_feed.streams == 1)
