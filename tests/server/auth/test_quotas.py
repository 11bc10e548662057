"""Quotas of callers: how they are written, which apply, and the one of requests."""

import math
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from tornado.ioloop import IOLoop

from server.auth.authenticate import Authenticator
from server.auth.callers import UNRESTRICTED, Caller, CallerQuotas, Role
from server.auth.quotas import Quotas, parse_quotas
from server.auth.rate_limits import Rate
from server.auth.token_entries import TokensError
from server.auth.tokens import parse_tokens
from server.http.problems import Problem
from server.settings.server import ServerSettings
from server.start.app import App
from storage.settings.settings import SettingsError
from tests.support.api import Client, open_app, read
from tests.support.stores import Bench

pytestmark = pytest.mark.sqlite

EVE, BOB, SUE = "jst_eve-0123456789", "jst_bob-0123456789", "jst_sue-0123456789"
NO_JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"
SLOW = {"X-Plain": "no"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of tokens: eve has a quota, bob has none of his own, sue has no limit."""
    path = tmp_path / "tokens"
    sue = f"sue:admin requests=unlimited:{SUE}"
    path.write_text(f"eve:admin requests=0.01:{EVE}\nbob:admin:{BOB}\n{sue}\n")
    return path


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, file: Path) -> Iterator[App]:
    """A listener whose callers may send very few requests, unless their quotas differ."""
    given = {"api_tokens_file": str(file), "cookie_secret": "sixteen characters"}
    with open_app(bench, io_loop, **given, rate_limit=0.001) as application:
        application.authenticator._rate = Rate(0.001, 3)
        yield application


@pytest.mark.parametrize(
    ("options", "quotas"),
    [
        ("requests=50", Quotas(requests=50)),
        ("requests=0.25", Quotas(requests=0.25)),
        ("queued=1", Quotas(queued=1)),
        ("bytes=10GB", Quotas(bytes=10 * 1024**3)),
        ("bytes=1.5m", Quotas(bytes=1.5 * 1024**2)),
        ("bytes=1000", Quotas(bytes=1000)),
        ("bytes=unlimited", Quotas(bytes=math.inf)),
        ("queued=unlimited  requests=2", Quotas(queued=math.inf, requests=2)),
        ("requests=unlimited", Quotas(requests=math.inf)),
        ("", None),
    ],
)
@pytest.mark.parametrize("token", [EVE, "sha256:" + "0" * 64])
def test_a_token_may_have_quotas(options: str, quotas: Quotas | None, token: str) -> None:
    for text in (options, f"expires=2999-01-01 {options}"):
        (one,) = parse_tokens(f"eve:read {text}:{token}")
        assert one.caller.quotas == quotas
        assert parse_tokens(one.line()) == [one]
    assert parse_quotas(options) == (quotas or Quotas())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("requests=", "requests=: it must be a number"),
        ("requests=0", "requests=: it must be a number"),
        ("requests=-1", "requests=: it must be a number"),
        ("requests=1e3", "requests=: it must be a number"),
        ("requests=nan", "requests=: it must be a number"),
        ("requests=1000001", "requests=: it must be a number"),
        (f"requests={EVE}", "requests=: it must be a number"),
        ("requests=1 requests=1", "requests= is given twice"),
        ("queued=1000000000", "queued=: it must be a number of jobs from 1 to 999999999"),
        *((f"bytes={each}", "bytes=: it must be") for each in ("", "0", "x", "-1", EVE)),
        *((f"queued={each}", "queued=: it must be a number") for each in ("", "0", "1.5", EVE)),
        ("request=1", "requests=50"),
        (EVE, "requests=50"),
    ],
)
def test_an_invalid_quota_is_named_with_its_position_and_no_value_is_shown(
    options: str, problem: str
) -> None:
    with pytest.raises(TokensError) as of_token:
        parse_tokens(f"bob:read:{BOB},eve:read {options}:{SUE}")
    with pytest.raises(SettingsError) as of_all:
        ServerSettings.read({"CALLER_QUOTAS": options})
    assert str(of_token.value).startswith("entry 2: ")
    assert "CALLER_QUOTAS" in str(of_all.value)
    for error in (of_token, of_all):
        assert problem in str(error.value)
    assert EVE not in str(of_token.value)


def test_quotas_that_are_separated_by_commas_are_refused_with_the_separator() -> None:
    with pytest.raises(SettingsError, match="separated by spaces, not by commas"):
        ServerSettings.read({"CALLER_QUOTAS": "queued=5,bytes=1GB"})


def test_a_token_replaces_the_quotas_of_all_callers_one_by_one() -> None:
    quotas = CallerQuotas(parse_quotas("queued=3 requests=5"))
    assert quotas.of(Caller("eve", Role.READ)) == Quotas(3, None, 5)
    assert quotas.of(Caller("eve", Role.READ, quotas=Quotas(requests=7))) == Quotas(3, None, 7)
    assert quotas.of(Caller("eve", Role.READ, quotas=Quotas(queued=8))) == Quotas(8, None, 5)
    assert quotas.of(UNRESTRICTED) is None
    assert CallerQuotas(Quotas()).of(Caller("eve", Role.READ)) is None


@pytest.mark.gen_test
async def test_a_quota_of_requests_replaces_the_rate_of_others_on_both_paths(
    app: App, client: Client
) -> None:
    for more in ({}, SLOW):
        for _ in range(10):
            read(await client.fetch(NO_JOB, headers=bearer(EVE) | more), 404)
    refused = await client.fetch(NO_JOB, headers=bearer(EVE))
    problem = read(refused, 429)
    assert problem["code"] == "rate_limited"
    assert "the quota of eve allows, requests=0.01" in problem["detail"]
    assert refused.headers["RateLimit-Policy"] == '"requests";q=20;w=2000'
    assert 90 < int(refused.headers["Retry-After"]) <= 100  # less than 100 on a slow machine
    read(await client.fetch(NO_JOB, headers=bearer(EVE) | SLOW), 429)
    for _ in range(30):
        read(await client.fetch(NO_JOB, headers=bearer(SUE)), 404)
    codes = [(await client.fetch(NO_JOB, headers=bearer(BOB))).code for _ in range(4)]
    assert codes == [404, 404, 404, 429]
    assert app.authenticator.quotas.refused["requests"] == 2
    metrics = await client.fetch("/metrics", headers=bearer(SUE))
    assert b'job_service_quota_refusals_total{quota="requests"} 2.0' in metrics.body


@pytest.mark.gen_test
async def test_a_changed_quota_applies_at_once(app: App, client: Client, file: Path) -> None:
    for _ in range(20):
        read(await client.fetch(NO_JOB, headers=bearer(EVE)), 404)
    read(await client.fetch(NO_JOB, headers=bearer(EVE)), 429)
    file.write_text(f"eve:admin requests=1000:{EVE}\n")
    tokens = app.authenticator.tokens
    assert tokens
    tokens._next_check = 0.0
    while (await client.fetch(NO_JOB, headers=bearer(EVE))).code == 429:
        pass


@pytest.mark.gen_test
async def test_the_session_tells_what_is_used_of_the_quota(app: App, client: Client) -> None:
    with patch("time.monotonic", lambda: 1000.0):
        for _ in range(2):
            await client.get("/session", headers=bearer(EVE))
        found = await client.get("/session", headers=bearer(EVE))
        assert found["quotas"] == {
            "queued": None,
            "bytes": None,
            "requests": {"limit": 0.01, "burst": 20, "used": 3},
        }
        found = await client.get("/session", headers=bearer(BOB))
        assert found["quotas"] == {
            "queued": None,
            "bytes": None,
            "requests": {"limit": 0.001, "burst": 3, "used": 1},
        }
        found = await client.get("/session", headers=bearer(SUE))
        assert found["quotas"] == {"queued": None, "bytes": None, "requests": None}


@pytest.mark.gen_test
async def test_the_quota_counts_for_a_sign_in_and_its_session(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    body = f'{{"token": "{EVE}"}}'
    answer = await client.fetch("/session", method="POST", body=body, headers=headers)
    assert read(answer, 200)["quotas"]["requests"]["used"] == 1
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    for _ in range(19):
        read(await client.fetch(NO_JOB, headers=cookie), 404)
    read(await client.fetch(NO_JOB, headers=cookie), 429)
    read(await client.fetch("/session", method="POST", body=body, headers=headers), 429)


def test_people_who_come_without_a_token_have_the_quotas_of_all_callers() -> None:
    limits = Authenticator(None, None, quotas=CallerQuotas(Quotas(requests=1)))
    ann = Caller("ann", Role.READ, method="oidc")
    for _ in range(20):
        limits.count_request("1.1.1.1", ann)
    with pytest.raises(Problem, match="the quota of ann"):
        limits.count_request("1.1.1.2", ann)
    for _ in range(100):
        limits.count_request("1.1.1.1", UNRESTRICTED)
