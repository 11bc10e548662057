"""docs/sign-in.md: nginx in front of the listener, and a stand-in for oauth2-proxy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.support.paths import ROOT
from tests.support.programs import Service, running_service
from tests.support.proxies import nginx_command, running_proxy
from tests.support.recipes import recipe, replaced
from tests.support.servers.in_thread import serving
from tests.support.waiting import wait_for

PAGE = ROOT / "docs" / "sign-in.md"
PEOPLE = {"ann": "dev", "ada": "dev,ops", "nobody": ""}


class Authenticator(BaseHTTPRequestHandler):
    """Answers as oauth2-proxy does: 202 and headers for a known cookie, otherwise 401."""

    def do_GET(self) -> None:
        name = self.headers.get("Cookie", "").removeprefix("_oauth2_proxy=")
        if self.path != "/oauth2/auth":
            self.send_response(200)
        elif name in PEOPLE:
            self.send_response(202)
            self.send_header("X-Auth-Request-Email", f"{name}@example.org")
            if PEOPLE[name]:
                self.send_header("X-Auth-Request-Groups", PEOPLE[name])
        else:
            self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def stand_in() -> Iterator[int]:
    """Yield the port of the stand-in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Authenticator)
    with serving(server):
        yield server.server_port


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A listener with the settings of the page."""
    text = PAGE.read_text().partition("## A proxy that signs people in")[2]
    settings = dict(re.findall(r"^    ([A-Z_]+)=(\S+)$", text, re.MULTILINE))
    settings["TRUSTED_PROXIES"] = "127.0.0.1"
    with running_service("", tmp_path, **settings) as running:
        yield running


@pytest.fixture
def proxy(service: Service, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of nginx with the file of the page."""
    with stand_in() as port:
        (conf,) = recipe("oauth2-proxy behind nginx", "nginx", PAGE)
        ours = service.base_url.removeprefix("http://")
        socket = tmp_path / "socket"
        conf = replaced(
            conf,
            ("127.0.0.1:4180", f"127.0.0.1:{port}"),
            ("127.0.0.1:5000", ours),
            ("listen 80", f"listen unix:{socket}"),
        )
        with running_proxy(nginx_command(tmp_path, conf), tmp_path):
            wait_for(socket.exists, timeout=20)
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(transport=transport, base_url="http://localhost") as client:
                yield client


def as_(name: str, **more: str) -> dict[str, str]:
    return {"Cookie": f"_oauth2_proxy={name}", **more}


def test_people_are_who_the_proxy_says(proxy: httpx.Client) -> None:
    who = proxy.get("/session", headers=as_("ann")).json()
    assert (who["name"], who["role"]) == ("proxy:ann@example.org", "submit")
    assert proxy.get("/session", headers=as_("ada")).json()["role"] == "admin"
    document = {"type": "sleep", "payload": {"seconds": 0}}
    headers = as_("ann", Origin="http://localhost")
    job = proxy.post("/jobs", json=document, headers=headers).raise_for_status().json()
    found = proxy.get(f"/jobs/{job['job_id']}", headers=as_("ada")).json()
    assert found["submitted_by"] == "proxy:ann@example.org"
    headers["Origin"] = "http://evil.example"
    assert proxy.post("/jobs", json=document, headers=headers).status_code == 403


def test_a_client_cannot_name_itself(proxy: httpx.Client, service: Service) -> None:
    forged = {"X-Auth-Request-Email": "ada@example.org", "X-Auth-Request-Groups": "ops"}
    assert proxy.get("/jobs", headers=forged).status_code == 401
    who = proxy.get("/session", headers=as_("nobody", **forged)).json()
    assert (who["name"], who["role"]) == ("proxy:nobody@example.org", "submit")
    who = proxy.get("/session", headers=as_("ann", **forged)).json()
    assert (who["name"], who["role"]) == ("proxy:ann@example.org", "submit")


def test_who_is_not_signed_in_is_led_to_the_proxy(proxy: httpx.Client) -> None:
    page = proxy.get("/ui/jobs?status=failed", headers={"Accept": "text/html"})
    assert page.status_code == 302
    wanted = "http://localhost/oauth2/start?rd=http://localhost/ui/jobs?status=failed"
    assert page.headers["Location"] == wanted
    assert proxy.get("/session", headers={"Accept": "application/json"}).status_code == 401
