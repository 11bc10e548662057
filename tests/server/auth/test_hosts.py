"""The Host header: only names that belong to the service are answered, on both paths."""

from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from server.auth.addresses import AllowedHosts, require_host_entry
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.stores import Bench

JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"
LOCAL = [
    "localhost",
    "localhost:5000",
    "LocalHost.",
    "a.b.localhost:80",
    "127.0.0.1",
    "127.0.0.1:5000",
    "192.168.1.7:",
    "[::1]",
    "[::1]:5000",
    "[2001:db8::7]:5000",
    "listener",
    "job_service:5000",
    "box1-2",
]
FOREIGN = [
    "evil.example",
    "evil.example:5000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io:5000",
    "notlocalhost.example",
    "1.2.3",
    "[::1].evil.example",
    "evil.example.",
]
NAMED = ["jobs.example.org", "JOBS.Example.ORG.:443", "a.b.internal", "internal"]


@pytest.mark.parametrize("host", LOCAL)
def test_names_that_no_page_can_have_are_allowed(host: str) -> None:
    assert AllowedHosts(()).allows(host)


@pytest.mark.parametrize("host", [*FOREIGN, *NAMED[:3], ""])
def test_other_names_are_not_allowed(host: str) -> None:
    assert not AllowedHosts(()).allows(host)


@pytest.mark.parametrize("host", [*NAMED, *LOCAL])
def test_configured_names_are_allowed(host: str) -> None:
    assert AllowedHosts({"jobs.example.org", ".internal"}).allows(host)


@pytest.mark.parametrize(
    "host", [*FOREIGN, "a.jobs.example.org", "example.org", "notinternal.example", "a.notinternal"]
)
def test_a_configured_name_allows_no_other(host: str) -> None:
    assert not AllowedHosts({"jobs.example.org", ".internal"}).allows(host)


def test_a_star_allows_every_name() -> None:
    assert all(map(AllowedHosts({"*"}).allows, [*FOREIGN, *NAMED, *LOCAL]))


@pytest.mark.parametrize(
    "entry", ["*", "a", "jobs.example.org", ".example.org", "10.0.0.1", "[::1]"]
)
def test_names_and_addresses_can_be_configured(entry: str) -> None:
    require_host_entry(entry)


@pytest.mark.parametrize(
    "entry", ["a:5000", "http://a.example", "*.example.org", "a..b", ".", "a b", "a/", "é.example"]
)
def test_anything_else_cannot_be_configured(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host name without a port"):
        require_host_entry(entry)


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with one host name."""
    with open_app(bench, io_loop, allowed_hosts="jobs.example.org") as application:
        yield application


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "x.jobs.example.org"])
async def test_a_foreign_host_gets_421_from_every_path(client: Client, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    for path in (JOB, "/jobs", "/", "/docs", "/healthz", "/metrics", "/nothing", "/ui/static/a/b"):
        for sent in ({"Host": host}, headers):
            problem = read(await client.fetch(path, headers=sent), 421)
            assert (problem["code"], "ALLOWED_HOSTS" in problem["detail"]) == ("unknown_host", True)


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_a_foreign_host_changes_nothing(client: Client) -> None:
    body = b'{"type": "sleep", "payload": {"seconds": 0}}'
    headers = {"Host": "evil.example", "Content-Type": "application/json"}
    for path in ("/jobs", "/jobs?wait=1", "/jobs/cancel", f"{JOB}/cancel"):
        sent = {**headers, **({} if path.endswith("/cancel") else {"X-Real-Ip": "1.1.1.1"})}
        read(await client.fetch(path, method="POST", body=body, headers=sent), 421)
    response = await client.fetch("/jobs", method="OPTIONS", headers={"Host": "evil.example"})
    assert response.code == 421
    assert (await client.get("/jobs"))["items"] == []


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("host", ["jobs.example.org", "10.1.2.3:5000", "[::1]:5000", "listener"])
async def test_allowed_hosts_are_answered(client: Client, host: str) -> None:
    assert (await client.fetch("/jobs", headers={"Host": host})).code == 200
    assert (await client.fetch(JOB, headers={"Host": host})).code == 404


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_a_forwarded_host_is_not_read(client: Client) -> None:
    for path in ("/jobs", JOB):
        headers = {"Host": "evil.example", "X-Forwarded-Host": "jobs.example.org"}
        assert (await client.fetch(path, headers=headers)).code == 421
        headers = {"Host": "jobs.example.org", "X-Forwarded-Host": "evil.example"}
        assert (await client.fetch(path, headers=headers)).code in (200, 404)
