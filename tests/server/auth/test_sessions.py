"""Sign-ins of the web front end: the cookie, forged cookies, and requests of other pages."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from tornado.web import create_signed_value

from server.auth.sessions import COOKIE, KEY_FILE, Sessions, cookie_name, load_or_create_key
from server.auth.token_entries import Token
from server.auth.tokens import parse_tokens
from server.start.app import App
from server.start.routes import routes
from tests.support.api import Client, open_app, opened_app, read
from tests.support.callers import API_TOKENS, bearer, token
from tests.support.stores import Bench

SECRET = "sixteen characters"
SAME = {"Sec-Fetch-Site": "same-origin"}
JSON = {"Content-Type": "application/json"}
SLEEP = {"type": "sleep", "payload": {"seconds": 5}}
BY_TOKEN = {
    "queues": None,
    "method": "token",
    "expires_at": None,
    "quotas": {"queued": None, "bytes": None, "requests": None},
}
EVIL = "http://evil.example"

pytestmark = pytest.mark.sqlite


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of tokens that a test may change."""
    path = tmp_path / "tokens"
    path.write_text("eve:admin:jst_eve-0123456789\n")
    return path


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, file: Path) -> Iterator[App]:
    """The application, with tokens."""
    given = {"api_tokens": API_TOKENS, "api_tokens_file": str(file), "cookie_secret": SECRET}
    with open_app(bench, io_loop, **given) as application:
        yield application


async def post(client: Client, path: str, document: Any, **headers: str) -> HTTPResponse:
    given = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.fetch(path, method="POST", body=json.dumps(document), headers=given)


async def sign_in(client: Client, given: str) -> Morsel[str]:
    """The cookie that a browser gets for a token."""
    response = await post(client, "/session", {"token": given}, Sec_Fetch_Site="same-origin")
    assert response.code == 200, response.body
    return SimpleCookie(response.headers["Set-Cookie"])[COOKIE]


async def cookie_of(client: Client, name: str) -> str:
    """The Cookie header that a browser sends after a sign-in."""
    return f"{COOKIE}={(await sign_in(client, token(name))).coded_value}"


async def caller(client: Client, cookie: str) -> str | None:
    """The name of the caller that a Cookie header authenticates. None if it is refused."""
    response = await client.fetch("/session", headers={"Cookie": cookie})
    return None if response.code == 401 else read(response, 200)["name"]


@pytest.mark.gen_test
async def test_a_sign_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(
    client: Client,
) -> None:
    morsel = await sign_in(client, f" {token('ann')} ")
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
    assert (morsel["max-age"], morsel["domain"], morsel["secure"]) == ("43200", "", "")
    assert token("ann") not in morsel.OutputString()
    cookie = f"{COOKIE}={morsel.coded_value}"
    who = await client.get("/session", headers={"Cookie": cookie})
    assert who == {"tokens": True, "name": "ann", "role": "submit", **BY_TOKEN}
    assert (await client.get("/jobs", headers={"Cookie": cookie}))["items"] == []


@pytest.mark.gen_test
async def test_get_session_returns_the_caller_of_a_token(client: Client) -> None:
    who = await client.get("/session", headers=bearer("rob"))
    assert who == {"tokens": True, "name": "rob", "role": "read", **BY_TOKEN}


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"token": "jst_unknown-0123456789"}, 401),
        ({"token": ""}, 422),
        ({"token": "x" * 513}, 422),
        ({"token": 5}, 422),
        ({"token": "x", "name": "ada"}, 422),
        ({}, 422),
        ([], 422),
        ({"token": "x" * 5000}, 413),
    ],
)
async def test_a_sign_in_without_a_valid_token_is_refused(
    client: Client, document: Any, status: int
) -> None:
    response = await post(client, "/session", document, Sec_Fetch_Site="same-origin")
    read(response, status)
    assert "Set-Cookie" not in response.headers


@pytest.mark.gen_test
async def test_a_sign_out_removes_the_cookie(client: Client) -> None:
    cookie = await cookie_of(client, "ann")
    headers = {"Cookie": cookie, **SAME}
    response = await client.fetch("/session", method="DELETE", headers=headers)
    assert (response.code, response.body) == (204, b"")
    morsel = SimpleCookie(response.headers["Set-Cookie"])[COOKIE]
    assert (morsel.value, morsel["path"], morsel["httponly"]) == ("", "/", True)
    assert parsedate_to_datetime(morsel["expires"]) < datetime.now(UTC)


def known(name: str, role: str = "admin") -> Token:
    """A token as an attacker knows it who has seen only the hashes."""
    return parse_tokens(f"{name}:{role}:{token(name)}")[0]


@pytest.mark.gen_test
async def test_a_forged_cookie_is_refused(app: App, client: Client) -> None:
    tokens = app.authenticator.tokens
    assert tokens
    good = (await cookie_of(client, "ann")).partition("=")[2].strip('"')
    name, _, signed = good.partition(":")
    body, _, signature = signed.rpartition("|")
    stranger = Sessions(b"another secret of 16", tokens, 43200)
    secret_alone = create_signed_value(SECRET, COOKIE, "ada", 2).decode()
    hash_alone = create_signed_value(known("ada").digest, COOKIE, "ada", 2).decode()
    first_version = create_signed_value(
        hmac.digest(SECRET.encode(), b"sign-in " + known("ann").digest, hashlib.sha256),
        COOKIE,
        "ann",
        1,
    ).decode()
    forged = [
        "",
        name,
        f"{name}:",
        f"{name}:{body}|",
        f"ada:{signed}",
        f"nobody:{signed}",
        signed,
        f"{name}:{body}|{'0' * len(signature)}",
        f"{name}:{body}|{signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"{name}:{signed.replace('|10:', '|11:1', 1)}",
        f"{name}:{signed.replace('2|1:0', '1|1:0', 1)}",
        stranger.create_cookie(known("ada")),
        f"ada:{secret_alone}",
        f"ada:{hash_alone}",
        f"ann:{first_version}",
        f"{name}:2|-1:|99999999999999999999:|é",
    ]
    assert await caller(client, f"{COOKIE}={good}") == "ann"
    for value in forged:
        assert await caller(client, f'{COOKIE}="{value}"') is None, value
        assert await caller(client, f"{COOKIE}={value}") is None, value


@pytest.mark.gen_test
async def test_a_sign_in_ends_after_its_time(app: App, client: Client) -> None:
    tokens = app.authenticator.tokens
    assert tokens
    for age, name in ((43190, "ann"), (43201, None)):
        then = time.time() - age
        sessions = Sessions(SECRET.encode(), tokens, 43200, lambda then=then: then)  # type: ignore[misc]
        cookie = sessions.create_cookie(known("ann"))
        assert await caller(client, f'{COOKIE}="{cookie}"') == name


@pytest.mark.gen_test
async def test_a_sign_in_ends_with_its_token(client: Client, file: Path) -> None:
    cookies = [
        f"{COOKIE}={(await sign_in(client, 'jst_eve-0123456789')).coded_value}",
        await cookie_of(client, "ann"),
    ]
    assert [await caller(client, cookie) for cookie in cookies] == ["eve", "ann"]
    file.write_text("eve:admin:jst_another-0123456789\n")
    while await caller(client, cookies[0]):  # bounded by the timeout of the test
        pass
    assert [await caller(client, cookie) for cookie in cookies] == [None, "ann"]


@pytest.mark.gen_test
async def test_a_changed_role_applies_to_existing_sign_ins(client: Client, file: Path) -> None:
    cookie = f"{COOKIE}={(await sign_in(client, 'jst_eve-0123456789')).coded_value}"
    file.write_text("eve:read:jst_eve-0123456789\n")
    headers = {"Cookie": cookie}
    while (await client.get("/session", headers=headers))["role"] == "admin":
        pass
    response = await post(client, "/jobs", SLEEP, Cookie=cookie, Sec_Fetch_Site="same-origin")
    assert "role submit" in read(response, 403)["detail"]


ATTACKS: list[dict[str, str]] = [
    {},
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "{url}.evil.example"},
    {"Origin": "http://["},
    {"Origin": f"{EVIL}/{{url}}"},
    {"Referer": "{url}/ui/jobs"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{url}"},
    {"Sec-Fetch-Site": "same-site", "Origin": "{url}"},
]


@pytest.mark.gen_test
@pytest.mark.parametrize("headers", ATTACKS, ids=str)
async def test_a_page_of_another_origin_changes_nothing_with_the_cookie(
    client: Client, headers: dict[str, str]
) -> None:
    cookie = await cookie_of(client, "ada")
    job_id = read(await post(client, "/jobs", SLEEP, **bearer("ann")), 202)["job_id"]
    sent = {name: value.format(url=client.base_url) for name, value in headers.items()}
    calls = [("POST", "/jobs"), ("POST", f"/jobs/{job_id}/cancel"), ("DELETE", f"/jobs/{job_id}")]
    calls += [("POST", "/jobs/cancel"), ("POST", "/session"), ("DELETE", "/session")]
    body = json.dumps({**SLEEP, "token": token("ada")})
    for method, path in calls:
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
            given = {"Content-Type": kind, "Cookie": cookie, **sent}
            response = await client.fetch(
                path, method=method, body=body if method == "POST" else None, headers=given
            )
            read(response, 403)
            assert "Set-Cookie" not in response.headers
    jobs = (await client.get("/jobs", headers=bearer("rob")))["items"]
    assert [(job["job_id"], job["status"]) for job in jobs] == [(job_id, "queued")]


@pytest.mark.gen_test
@pytest.mark.parametrize("headers", [SAME, {"Origin": "{url}"}], ids=str)
async def test_an_own_page_changes_what_its_caller_may_change(
    client: Client, headers: dict[str, str]
) -> None:
    cookie = await cookie_of(client, "ann")
    sent = {name: value.format(url=client.base_url) for name, value in headers.items()}
    response = await post(client, "/jobs", SLEEP, Cookie=cookie, **sent)
    job_id = read(response, 202)["job_id"]
    job = await client.get(f"/jobs/{job_id}", headers={"Cookie": cookie})
    assert job["submitted_by"] == "ann"
    read(await post(client, "/jobs/cancel", {"all": True}, Cookie=cookie, **sent), 403)
    response = await post(client, f"/jobs/{job_id}/cancel", None, Cookie=cookie, **sent)
    read(response, 200)


@pytest.mark.gen_test
async def test_a_token_takes_precedence_over_a_cookie(client: Client) -> None:
    cookie = await cookie_of(client, "ada")
    who = await client.get("/session", headers={"Cookie": cookie, **bearer("rob")})
    assert who["name"] == "rob"
    bad = {"Cookie": cookie, "Authorization": "Bearer jst_unknown-0123456789"}
    read(await client.fetch("/session", headers=bad), 401)
    read(await post(client, "/jobs", SLEEP, Cookie=cookie, **bearer("rob")), 403)


@pytest.mark.gen_test
async def test_over_https_the_cookie_is_bound_to_https_and_the_host(
    app: App, http_client: AsyncHTTPClient, client: Client
) -> None:
    listening, port = bind_unused_port()
    server = HTTPServer(app.application(routes(app)), protocol="https")  # as behind a trusted proxy
    server.add_sockets([listening])
    behind = Client(http_client, f"http://127.0.0.1:{port}")
    response = await post(behind, "/session", {"token": token("ann")}, Sec_Fetch_Site="same-origin")
    morsel = SimpleCookie(response.headers["Set-Cookie"])[cookie_name(True)]
    assert cookie_name(True).startswith("__Host-")
    assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", "")
    assert await caller(behind, f"{cookie_name(True)}={morsel.coded_value}") == "ann"
    assert await caller(behind, f"{COOKIE}={morsel.coded_value}") is None
    assert await caller(client, f"{cookie_name(True)}={morsel.coded_value}") is None
    server.stop()


@pytest.mark.gen_test
async def test_without_tokens_nobody_has_to_sign_in(
    bench: Bench, io_loop: IOLoop, app: App, http_client: AsyncHTTPClient
) -> None:
    assert app.authenticator.tokens
    listening, port = bind_unused_port()
    async with opened_app(bench) as other:
        server = HTTPServer(other.application(routes(other)))
        server.add_sockets([listening])
        client = Client(http_client, f"http://127.0.0.1:{port}")
        who = await client.get("/session")
        assert who == {"tokens": False, "name": None, "role": "admin", **BY_TOKEN, "method": None}
        response = await post(client, "/session", {"token": "x"}, Sec_Fetch_Site="same-origin")
        assert "no tokens are set" in read(response, 409)["detail"]
        response = await post(client, "/jobs", SLEEP, Authorization="Bearer whatever")
        job = await client.get(f"/jobs/{read(response, 202)['job_id']}")
        assert (job["submitted_by"], job["canceled_by"]) == (None, None)
        server.stop()
    assert not (bench.store.settings.data_dir / KEY_FILE).exists()


@pytest.mark.gen_test
async def test_listeners_without_a_secret_share_a_key(
    bench: Bench, app: App, client: Client
) -> None:
    folder = bench.store.settings.data_dir
    async with (
        opened_app(bench, api_tokens=API_TOKENS) as one,
        opened_app(bench, api_tokens=API_TOKENS) as other,
    ):
        assert one.authenticator.sessions
        assert other.authenticator.sessions
        cookie = one.authenticator.sessions.create_cookie(known("ann"))
        found = other.authenticator.sessions.caller(cookie)
        assert found
        assert found.name == "ann"
    assert len(load_or_create_key(folder)) == 32
    assert await caller(client, f'{COOKIE}="{cookie}"') is None
