"""CORS headers, and the security headers of every response."""

from collections.abc import Iterator

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.ioloop import IOLoop

from server.http.response import DEFAULT_HEADERS
from server.settings.server import ServerSettings
from server.start.app import App
from storage.settings.settings import SettingsError
from tests.support.api import Client, open_app
from tests.support.stores import Bench

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]
APP = "https://app.example.org"
SLEEP = b'{"type": "sleep", "payload": {"seconds": 1}}'
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    with open_app(bench, io_loop, cors_origins=f"{APP}, http://localhost:3000") as application:
        yield application


@pytest.fixture
def client(app: App, http_client: AsyncHTTPClient, base_url: str) -> Client:
    return Client(http_client, base_url)


async def submitted(client: Client, origin: str) -> HTTPResponse:
    headers = {"Content-Type": "application/json", "Origin": origin, "Sec-Fetch-Site": "cross-site"}
    return await client.fetch("/jobs", method="POST", body=SLEEP, headers=headers)


async def test_a_page_of_an_allowed_origin_may_read_and_submit(client: Client) -> None:
    for response in (
        await submitted(client, APP),
        await client.fetch("/jobs", headers={"Origin": APP}),
        await client.fetch("/jobs/none", headers={"Origin": APP}),
    ):
        assert response.code in (202, 200, 404)
        assert response.headers[ALLOWED] == APP
        assert "Origin" in response.headers.get_list("Vary")
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("more", [{}, {"X-Plain": "no"}], ids=["plain", "not plain"])
async def test_responses_vary_by_origin(client: Client, more: dict[str, str]) -> None:
    for path in ("/jobs?status=failed", f"/jobs/{await client.sleep_job()}"):  # short ones
        response = await client.fetch(path, headers=more)
        assert (response.code, response.headers["Vary"]) == (200, "Origin")


@pytest.mark.parametrize(
    "origin", ["https://evil.example.org", "null", APP + ".evil.org", "http://app.example.org"]
)
async def test_a_page_of_any_other_origin_may_not(client: Client, origin: str) -> None:
    response = await submitted(client, origin)
    assert response.code == 403
    assert ALLOWED not in response.headers
    assert ALLOWED not in (await client.fetch("/jobs", headers={"Origin": origin})).headers


async def test_a_preflight_lists_allowed_methods_and_headers(client: Client) -> None:
    headers = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    response = await client.fetch("/jobs", method="OPTIONS", headers=headers)
    assert (response.code, response.headers[ALLOWED]) == (204, APP)
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Idempotency-Key", "Traceparent", "Tracestate"} <= {*allowed}
    assert "Access-Control-Max-Age" in response.headers
    headers["Origin"] = "https://evil.example.org"
    response = await client.fetch("/jobs", method="OPTIONS", headers=headers)
    assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "value", ["*", "null", "app.example.org", f"{APP}/", f"{APP}/x", "javascript:x"]
)
async def test_an_invalid_origin_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        ServerSettings.read({"CORS_ORIGINS": value})


@pytest.mark.parametrize("value", ["proxy", "10.0.0.0/99", "10.0.0.1/8"])
async def test_an_invalid_network_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        ServerSettings.read({"TRUSTED_PROXIES": value})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/none"),
        ("GET", "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"),
        ("GET", "/jobs?status=%ff"),
        ("PUT", "/jobs"),
        ("OPTIONS", "/jobs"),
        ("HEAD", "/events"),
    ],
)
async def test_every_response_has_the_security_headers(
    client: Client, method: str, path: str
) -> None:
    response = await client.fetch(path, method=method)
    for name in set(DEFAULT_HEADERS) - {"Content-Type"}:
        assert response.headers[name] == DEFAULT_HEADERS[name]
    assert "Server" not in response.headers


async def test_a_log_is_sent_as_a_text_file(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job()
    bench.runner().claim_one()
    response = await client.fetch(f"/jobs/{job_id}/logs")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{job_id}-1.log"'
