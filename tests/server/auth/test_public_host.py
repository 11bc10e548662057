"""The host that a client names to a trusted proxy, whose pages may change what they show."""

import json
from collections.abc import Iterator

import pytest
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop

from server.auth.addresses import AllowedHosts, TrustedProxies
from server.settings.server import ServerSettings
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.stores import Bench

HOST = "jobs.example.org"
BODY = json.dumps({"type": "sleep", "payload": {"seconds": 0}})
NETWORKS = ServerSettings.read({"TRUSTED_PROXIES": "10.0.0.0/8"}).proxy_networks
PROXIES = TrustedProxies(NETWORKS, AllowedHosts([HOST]))

pytestmark = [pytest.mark.sqlite, pytest.mark.tornado]


class Context:
    """A connection, as Tornado describes it."""

    remote_ip = ""
    protocol = ""

    def __init__(self, peer: str):
        self.address = (peer, 1)


def named_by(peer: str, **given: str) -> str | None:
    """The X-Forwarded-Host that a request for `box` has after the check of its headers."""
    headers = HTTPHeaders({"Host": "box"})
    for name, value in given.items():
        headers[f"X-Forwarded-{name}"] = value
    PROXIES.update_context(Context(peer), headers)
    assert headers["Host"] == "box"
    return headers.get("X-Forwarded-Host")


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({"Host": HOST}, HOST),
        ({"Host": f"{HOST}:8443"}, f"{HOST}:8443"),
        ({"Host": f"evil.example, {HOST}"}, HOST),
        ({"Host": HOST, "Port": "8443"}, f"{HOST}:8443"),
        ({"Host": f"{HOST}:8443", "Port": "5000"}, f"{HOST}:8443"),
        ({"Host": HOST, "Port": "443", "Proto": "https"}, HOST),
        ({"Host": HOST, "Port": "80", "Proto": "http"}, HOST),
        ({"Host": HOST, "Port": "443", "Proto": "http"}, f"{HOST}:443"),
        ({"Port": "8080"}, "box:8080"),
        ({"Port": "80"}, None),
        ({"Port": "8080/x"}, None),
        ({"Host": "evil.example"}, None),
        ({"Host": f"{HOST}, evil.example"}, None),
        ({"Host": ""}, None),
        ({}, None),
    ],
)
def test_a_trusted_proxy_tells_the_host_and_the_port(
    given: dict[str, str], host: str | None
) -> None:
    assert named_by("10.0.0.1", **given) == host


def test_no_other_peer_can_tell_a_host() -> None:
    assert named_by("9.9.9.9", Host=HOST, Port="8080") is None


@pytest.fixture(params=["127.0.0.1", ""], ids=["behind a trusted proxy", "without one"])
def trusted(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, trusted: str) -> Iterator[App]:
    with open_app(bench, io_loop, allowed_hosts=HOST, trusted_proxies=trusted) as application:
        yield application


async def status(client: Client, origin: str, **forwarded: str) -> int:
    headers = {"Content-Type": "application/json", "Origin": origin, "Host": "box"}
    headers |= {f"X-Forwarded-{name}": value for name, value in forwarded.items()}
    return (await client.fetch("/jobs", method="POST", body=BODY, headers=headers)).code


@pytest.mark.gen_test
async def test_only_what_a_trusted_proxy_tells_makes_a_page_an_own_one(
    client: Client, trusted: str
) -> None:
    own = 202 if trusted else 403
    assert await status(client, "http://box:8080", Port="8080") == own
    assert await status(client, f"http://{HOST}:8080", Host=f"{HOST}:8080") == own
    assert await status(client, "http://box", Host=HOST) == 202
    assert await status(client, "http://box:8080") == 403
    assert await status(client, "http://box:9090", Port="8080") == 403
    assert await status(client, "http://evil.example", Host="evil.example") == 403


@pytest.mark.gen_test
async def test_a_refused_page_is_told_its_origin_and_the_host(client: Client) -> None:
    headers = {"Origin": "http://box:8080", "Host": "box"}
    problem = read(await client.fetch("/jobs", method="POST", body=BODY, headers=headers), 403)
    assert "'http://box:8080'" in problem["detail"]
    assert "'box'" in problem["detail"]
