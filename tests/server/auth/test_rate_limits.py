"""Rate limits: by caller or address, with the headers of the draft, in bounded memory."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from server.auth import rate_limits
from server.auth.addresses import AllowedHosts, TrustedProxies, rate_limit_network
from server.auth.authenticate import MAX_FAILURES, Authenticator, unauthorized
from server.auth.callers import Caller, Role
from server.auth.rate_limits import MAX_KEYS, Rate, TokenBuckets
from server.http.codes import Code
from server.http.problems import Problem
from server.settings.server import ServerSettings
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.stores import Bench

pytestmark = pytest.mark.sqlite

LISTS = [
    "/jobs",
    "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65",
]  # the second one takes the fast path


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with patch("time.monotonic", clock):
        yield clock


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    limits = {"rate_limit": 0.5, "trusted_proxies": "127.0.0.1"}
    with (
        patch.object(rate_limits, "MIN_BURST", 3),
        open_app(bench, io_loop, **limits) as application,
    ):
        yield application


@pytest.fixture
def client(app: App, http_client: AsyncHTTPClient, base_url: str) -> Client:
    return Client(http_client, base_url)


def limited(per_second: float, burst: int) -> Authenticator:
    """Limits of a rate with another burst than usual."""
    limits = Authenticator(None, None)
    limits._rate = Rate(per_second, burst)
    return limits


def refused(limits: Authenticator, address: str, caller: str | None = None) -> Problem | None:
    try:
        limits.count_request(address, Caller(caller, Role.READ))
    except Problem as problem:
        return problem
    return None


@pytest.mark.gen_test
@pytest.mark.parametrize("path", LISTS)
async def test_too_many_requests_get_429_on_both_paths(client: Client, path: str) -> None:
    codes = [(await client.fetch(path)).code for _ in range(4)]
    assert 429 not in codes[:3]
    response = await client.fetch(path)
    assert "RATE_LIMIT" in read(response, 429)["detail"]
    assert response.headers["Retry-After"] == "2"
    assert response.headers["RateLimit-Policy"] == '"requests";q=3;w=6'
    assert response.headers["RateLimit"] == '"requests";r=0;t=2'


@pytest.mark.gen_test
async def test_submissions_are_limited_whatever_their_body(client: Client) -> None:
    for _ in range(3):
        await client.sleep_job()
    await client.post("/jobs", {"type": "sleep", "payload": {"seconds": 1}}, status=429)
    await client.post_form([("type", None, b"sleep"), ("filename", "a", b"x" * 10**6)], status=429)


@pytest.mark.gen_test
async def test_probes_and_the_files_of_the_page_are_not_limited(client: Client) -> None:
    for _ in range(5):
        assert (await client.fetch("/healthz")).code == 200
        assert (await client.fetch("/readyz")).code == 200
        assert (await client.fetch("/ui/static/0/app.js")).code == 200


@pytest.mark.gen_test
@pytest.mark.parametrize(("path", "status"), list(zip(LISTS, (200, 404), strict=True)))
async def test_clients_behind_a_trusted_proxy_have_separate_limits(
    client: Client, path: str, status: int
) -> None:
    for n in range(8):
        headers = {"X-Forwarded-For": f"made up, 10.0.0.{n}"}
        assert (await client.fetch(path, headers=headers)).code == status
    again = [(await client.fetch(path, headers=headers)).code for _ in range(3)]
    assert again == [status, status, 429]


def test_a_bucket_refills_over_time(clock: Clock) -> None:
    limits = limited(10, 5)
    assert [bool(refused(limits, "a")) for _ in range(6)] == [False] * 5 + [True]
    assert refused(limits, "b") is None
    clock.now += 0.1
    assert [bool(refused(limits, "a")) for _ in range(2)] == [False, True]


def test_a_named_caller_has_one_limit_at_all_addresses(clock: Clock) -> None:
    limits = limited(1, 2)
    assert refused(limits, "1.1.1.1", "ann") is None
    assert refused(limits, "2.2.2.2", "ann") is None
    assert refused(limits, "3.3.3.3", "ann") is not None
    assert refused(limits, "3.3.3.3", "bob") is None
    assert refused(limits, "ann") is None  # an address with this name is another key


def test_an_ipv6_network_is_limited_as_one(clock: Clock) -> None:
    limits = limited(1, 2)
    found = [bool(refused(limits, f"2001:db8::{n:x}")) for n in range(3)]
    assert found == [False, False, True]
    assert refused(limits, "2001:db8:0:1::1") is None
    assert (
        rate_limit_network("::1"),
        rate_limit_network("::ffff:1.2.3.4"),
        rate_limit_network(""),
    ) == ("::/64", "1.2.3.4", "")


def test_without_a_limit_nobody_is_refused() -> None:
    assert not any(refused(Authenticator(None, None), "a") for _ in range(10_000))


def test_addresses_are_remembered_up_to_a_bound(clock: Clock) -> None:
    buckets, rate = TokenBuckets("requests", Code.RATE_LIMITED), Rate(1, 1)
    for n in range(MAX_KEYS + 1000):
        buckets.take(str(n), rate, "too many")
    assert len(buckets._levels) == MAX_KEYS
    with pytest.raises(Problem, match="too many"):
        buckets.take(str(MAX_KEYS), rate, "too many")


def test_failed_authentications_are_always_limited(clock: Clock) -> None:
    limits = Authenticator(None, None)

    def fail(address: str) -> Problem:
        with pytest.raises(Problem) as caught, limits.counting_failures(address):
            raise unauthorized(Code.TOKEN_UNKNOWN, "unknown")
        return caught.value

    assert [fail("1.1.1.1").status for _ in range(MAX_FAILURES)] == [401] * MAX_FAILURES
    refused = fail("1.1.1.1")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
    assert fail("1.1.1.2").status == 401
    clock.now += 10
    assert fail("1.1.1.1").status == 401


PROXIES = TrustedProxies(
    ServerSettings.read({"TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::/32"}).proxy_networks,
    AllowedHosts(()),
)


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, <script>", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "1.1.1.1:5000", "1.1.1.1"),
        ("10.0.0.1", "[2001:db9::1]:5000", "2001:db9::1"),
        ("2001:db8::5", "::ffff:1.1.1.1", "1.1.1.1"),
        ("::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("9.9.9.9", "1.1.1.1", "9.9.9.9"),
        ("", "1.1.1.1", ""),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, said: str, client: str) -> None:
    assert PROXIES.client_address(peer, {"X-Forwarded-For": said}) == client


class Context:
    address = ("10.0.0.1", 1)
    remote_ip = "10.0.0.1"
    protocol = "http"


def test_headers_of_a_proxy_apply_to_one_request_only() -> None:
    context = Context()
    PROXIES.update_context(context, {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "https"})
    assert (context.remote_ip, context.protocol) == ("1.1.1.1", "https")
    PROXIES.update_context(context, {"X-Forwarded-Proto": "gopher"})
    assert (context.remote_ip, context.protocol) == ("10.0.0.1", "http")
    context.address = ("9.9.9.9", 1)
    PROXIES.update_context(context, {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "https"})
    assert (context.remote_ip, context.protocol) == ("9.9.9.9", "http")
