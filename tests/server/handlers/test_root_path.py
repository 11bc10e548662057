"""A service below a path of its host: ROOT_PATH stands before every path that clients see."""

import json
import re
import socket
from collections.abc import Iterator
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

from server.auth.sessions import COOKIE, cookie_name
from server.settings.server import ServerSettings
from server.start.app import App
from server.start.routes import routes
from storage.settings.settings import SettingsError
from tests.support.api import Client, open_app
from tests.support.callers import API_TOKENS, bearer, token
from tests.support.stores import Bench

pytestmark = pytest.mark.sqlite
ROOT = "/team/jobs-api"
SLEEP = {"type": "sleep", "payload": {"seconds": 5}}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    given = {"root_path": ROOT, "api_tokens": API_TOKENS, "cookie_secret": "sixteen characters"}
    with open_app(bench, io_loop, **given) as application:
        yield application


async def send(client: Client, method: str, path: str, document: object = None) -> HTTPResponse:
    body = None if document is None else json.dumps(document)
    headers = {**bearer("ada"), "Content-Type": "application/json"}
    return await client.fetch(path, method=method, body=body, headers=headers)


@pytest.mark.parametrize("more", [{}, {"X-Plain": "no"}], ids=["plain", "not plain"])
@pytest.mark.gen_test
async def test_the_location_of_a_job_begins_with_it(client: Client, more: dict[str, str]) -> None:
    headers = {**bearer("ada"), "Content-Type": "application/json", **more}
    response = await client.fetch("/jobs", method="POST", body=json.dumps(SLEEP), headers=headers)
    job_id = json.loads(response.body)["job_id"]
    assert response.headers["Location"] == f"{ROOT}/jobs/{job_id}"
    await send(client, "POST", f"/jobs/{job_id}/cancel")
    response = await send(client, "POST", f"/jobs/{job_id}/retry")
    assert (response.code, response.headers["Location"]) == (202, f"{ROOT}/jobs/{job_id}")


@pytest.mark.gen_test
async def test_the_location_of_a_queue_begins_with_it(client: Client) -> None:
    response = await send(client, "PUT", "/queues/gpu", {"max_running": 2})
    assert (response.code, response.headers["Location"]) == (201, f"{ROOT}/queues/gpu")


@pytest.mark.gen_test
async def test_the_link_to_the_next_page_begins_with_it(client: Client) -> None:
    for _ in range(2):
        await send(client, "POST", "/jobs", SLEEP)
    response = await send(client, "GET", "/jobs?limit=1")
    link = re.fullmatch(r'<(.*)>; rel="next"', response.headers["Link"])
    assert link
    assert link[1].startswith(f"{ROOT}/jobs?limit=1&cursor=")
    following = await send(client, "GET", link[1].removeprefix(ROOT))
    assert len(json.loads(following.body)["items"]) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/jobs/{'0' * 8}-0000-7000-8000-{'0' * 12}", 404),  # on the fast path
        ("/jobs?nothing=1", 422),
        ("/nothing", 404),
    ],
)
@pytest.mark.gen_test
async def test_the_page_of_a_problem_begins_with_it(client: Client, path: str, status: int) -> None:
    response = await send(client, "GET", path)
    problem = json.loads(response.body)
    assert (response.code, problem["type"]) == (status, f"{ROOT}/docs/errors#{problem['code']}")


@pytest.mark.gen_test
async def test_a_refusal_of_what_is_not_http_has_it_as_well(client: Client) -> None:
    address = urlsplit(client.base_url)

    def exchange() -> bytes:
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(b"hello\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(4096), b""))

    answer = await IOLoop.current().run_in_executor(None, exchange)
    assert f'"type": "{ROOT}/docs/errors#'.encode() in answer


@pytest.mark.gen_test
async def test_all_links_and_files_of_pages_are_below_it(client: Client) -> None:
    for path in ("/", "/ui/jobs", "/docs/errors"):
        page = await client.fetch(path, headers={"Accept": "text/html"})
        links = re.findall(rb'(?:href|src)="([^"#][^"]*)"', page.body)
        assert len(links) > 7
        assert [link for link in links if not link.startswith(f"{ROOT}/".encode())] == []
        for link in links:
            found = await client.fetch(link.decode().removeprefix(ROOT))
            assert found.code in (200, 401), link


@pytest.mark.gen_test
async def test_the_index_and_the_api_description_have_it(client: Client) -> None:
    index = json.loads((await send(client, "GET", "/")).body)
    assert (index["jobs"], index["openapi"]) == (f"{ROOT}/jobs", f"{ROOT}/openapi.json")
    document = json.loads((await send(client, "GET", "/openapi.json")).body)
    assert [server["url"] for server in document["servers"]] == [ROOT]
    cookie = document["components"]["securitySchemes"]["cookie"]
    assert cookie["name"] == cookie_name(False, ROOT)
    assert cookie["description"].endswith("its name begins with __Secure-")
    assert "/jobs" in document["paths"]


@pytest.mark.parametrize("protocol", ["http", "https"])
@pytest.mark.gen_test
async def test_the_cookie_is_only_for_this_path_and_has_a_name_of_its_own(
    app: App, client: Client, protocol: str
) -> None:
    """Otherwise two services of one host would end each other's sessions."""
    listening, port = bind_unused_port()
    server = HTTPServer(app.application(routes(app)), protocol=protocol)
    server.add_sockets([listening])
    behind = Client(client._http, f"http://127.0.0.1:{port}")
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    body = json.dumps({"token": token("ann")})
    response = await behind.fetch("/session", method="POST", body=body, headers=headers)
    (name,) = cookies = SimpleCookie(response.headers["Set-Cookie"])
    secure = protocol == "https"
    prefix = "__Secure-" if secure else ""  # __Host- is only for the path /
    assert name == f"{prefix}{COOKIE}_team_jobs-api" == cookie_name(secure, ROOT)
    assert cookies[name]["path"] == ROOT
    session = f"{name}={cookies[name].coded_value}"
    who = await behind.get("/session", headers={"Cookie": f"{COOKIE}=other; {session}"})
    assert who["name"] == "ann"
    response = await behind.fetch("/session", method="DELETE", headers=headers)
    gone = SimpleCookie(response.headers["Set-Cookie"])[name]
    assert (gone["path"], gone.value) == (ROOT, "")
    server.stop()


@pytest.mark.parametrize("value", ["jobs", "/a//b", "/a b", "/..", "/a/./b", "http://x/y", "/a?b"])
def test_a_path_that_is_none_is_refused(value: str, database_url: str) -> None:
    with pytest.raises(SettingsError, match=r"ROOT_PATH=.*it must be a path such as /jobs-api"):
        ServerSettings.read({"ROOT_PATH": value})


@pytest.mark.parametrize(("value", "path"), [("/a/", "/a"), ("/", ""), ("/a-b/c_d", "/a-b/c_d")])
def test_a_slash_at_the_end_is_left_out(value: str, path: str, database_url: str) -> None:
    assert ServerSettings.read({"ROOT_PATH": value}).root_path == path
