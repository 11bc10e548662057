"""A large body that is refused: the answer comes at once, and every kind of client can read it."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.http.connections import connection
from server.start.app import App
from tests.support.api import Client, form
from tests.support.programs import Service, running_service
from tests.support.raw_http import JSON_HEAD, connect, parse_response, receive_all, try_send
from tests.support.stores import upload_files
from tests.support.waiting import wait_for

SIZE = 200 * 1024**2
FILE = ("filename", "app.log", b"x" * 1000)
JOB = b'{"type": "sleep", "payload": {"seconds": 1}}'
SLEEP: list[Any] = [("type", None, b"sleep"), ("payload", None, b'{"seconds": 1}')]
PATTERNS = ("payload", None, b'{"patterns": ["a"]}')
ANALYZE: list[Any] = [("type", None, b"analyze"), PATTERNS]
BAD_FORMS: list[tuple[list[Any], str]] = [
    ([("type", None, b"nap"), PATTERNS, FILE], "type"),
    ([*SLEEP, FILE], "filename"),
    (
        [("type", None, b"analyze"), ("payload", None, b'{"patterns": []}'), FILE],
        "payload.patterns",
    ),
    ([("type", None, b"analyze"), ("payload", None, b"{"), FILE], "payload"),
    ([*ANALYZE, ("priority", None, b"1000"), FILE], "priority"),
    ([*ANALYZE, ("queue", None, b"unknown"), FILE], "queue"),
    ([*ANALYZE, ("colour", None, b"red"), FILE], "colour"),
    ([("type", None, b"nap"), FILE], "type"),
    ([*ANALYZE, ("finish_by", None, b"2020-01-31"), FILE], "finish_by"),
]
STATUSES = {"payload": 400, "finish_by": 409}
"""By field; 422 for all others."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    slow = {"server.start.http_server.SLOW_SECONDS": "2"}
    with running_service("", tmp_path_factory.mktemp("early"), **slow) as service:
        yield service


def head(size: int | None, *lines: str, path: str = "/jobs") -> bytes:
    """The head of a request with a form; its body is chunked if the size is None."""
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    kind = "Content-Type: multipart/form-data; boundary=cut"
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: localhost", kind, length, *lines, "", ""]
    ).encode()


def begin(parts: list[Any]) -> bytes:
    """A form without its end."""
    return form(parts)[0].removesuffix(b"\r\n--cut--\r\n")


def stored(service: Service) -> int:
    """The number of files in the store, also unfinished ones."""
    return len(upload_files(service.folder / "data" / "uploads"))


@pytest.mark.parametrize(("parts", "field"), BAD_FORMS)
def test_a_bad_field_is_refused_after_the_first_kilobytes_of_the_file(
    service: Service, parts: list[Any], field: str
) -> None:
    with connect(service) as client:
        client.sendall(head(SIZE) + begin(parts))
        status, headers, problem = parse_response(receive_all(client))
    assert (status, headers["connection"]) == (STATUSES.get(field, 422), "close")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_a_chunked_form_is_refused_early_too(service: Service) -> None:
    body = begin([*SLEEP, FILE])
    with connect(service) as client:
        client.sendall(head(None) + b"%x\r\n%s\r\n" % (len(body), body))
        status, _, problem = parse_response(receive_all(client))
    assert (status, problem["errors"][0]["field"]) == (422, "filename")


def test_fields_behind_the_file_are_checked_at_the_end(service: Service) -> None:
    body = form([FILE, *SLEEP])[0]
    with connect(service) as client:
        client.sendall(head(len(body), "Connection: close") + body)
        status, _, problem = parse_response(receive_all(client))
    assert (status, problem["errors"][0]["field"]) == (422, "filename")


def test_a_client_that_reads_only_after_sending_still_gets_the_answer(service: Service) -> None:
    body = begin([*SLEEP, FILE])
    with connect(service) as client:
        client.sendall(head(SIZE) + body)
        left = SIZE - len(body)
        while left:
            sent = min(left, 1 << 20)
            client.sendall(b"x" * sent)  # raises if the connection was reset
            left -= sent
        status, _, problem = parse_response(receive_all(client))
    assert (status, problem["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(("size", "late", "rounds"), [(8 << 20, 0, 1), (128 << 10, 100, 20)])
def test_a_request_behind_a_refused_large_body_is_ignored(
    service: Service, size: int, late: int, rounds: int
) -> None:
    """The last bytes of the body may come in one piece with the request: whether the listener
    reads both at once depends on the moment, so this is tried several times."""
    body = begin([*SLEEP, FILE]).ljust(size, b"x")
    behind = JSON_HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(JOB), JOB)
    for _ in range(rounds):
        with connect(service) as client:
            client.sendall(head(size) + body[: size - late])
            answer = receive_all(client)
            try_send(client, body[size - late :] + behind)
            wait_for(lambda: not (try_send(client, b"x") and try_send(client, b"x")), timeout=15)
        assert answer.count(b"HTTP/1.1 ") == 1
    assert service.call("GET", "/jobs")[1]["items"] == []


@pytest.mark.parametrize(
    ("lines", "path", "status", "size"),
    [
        (["Authorization: x"], "/jobs?wait=x", 422, SIZE),
        ([], "/jobs?dryrun=true", 422, SIZE),
        ([], "/jobs", 413, 10**12),
        (["Content-Encoding: gzip"], "/jobs", 415, SIZE),
        ([], "/nothing", 404, SIZE),
        ([], "/healthz", 405, SIZE),
    ],
)
@pytest.mark.parametrize("expect", ["Expect: 100-continue", "X-Expect: no"])
def test_what_the_head_tells_is_refused_before_the_body(
    service: Service, lines: list[str], path: str, status: int, size: int, expect: str
) -> None:
    with connect(service) as client:
        client.sendall(head(size, *lines, expect, path=path))
        found, headers, problem = parse_response(receive_all(client))
    assert (found, problem["status"], headers["connection"]) == (status, status, "close")


def test_with_expect_the_fields_are_asked_for_and_then_refused(service: Service) -> None:
    with connect(service) as client:
        client.sendall(head(SIZE, "Expect: 100-continue"))
        assert client.recv(1000) == b"HTTP/1.1 100 (Continue)\r\n\r\n"
        client.sendall(begin([*SLEEP, FILE]))
        assert parse_response(receive_all(client))[0] == 422


@pytest.mark.parametrize("path", ["/jobs?wait=x", "/nothing"])
def test_after_the_refusal_of_a_small_body_the_connection_stays_open(
    service: Service, path: str
) -> None:
    body = form([*SLEEP])[0]
    requests = [head(len(body), path=path) + body, b"GET /jobs?a=b HTTP/1.1\r\nHost: a\r\n\r\n"]
    last = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with connect(service) as client:
        client.sendall(b"".join([*requests, last]))
        answers = receive_all(client)
    assert answers.count(b"HTTP/1.1 ") == 3
    assert b"HTTP/1.1 200 " in answers


def test_a_refused_upload_leaves_no_file(service: Service) -> None:
    with connect(service) as client:
        client.sendall(head(SIZE) + begin([*ANALYZE, FILE]) + b"x" * (3 << 20))
        wait_for(lambda: stored(service) == 1)
        client.sendall(b"\r\n--cut\r\nContent-Disposition: form-data\r\nbroken\r\n")
        assert parse_response(receive_all(client))[0] == 400
    wait_for(lambda: stored(service) == 0)


def test_a_client_that_neither_sends_nor_closes_is_disconnected(service: Service) -> None:
    with connect(service) as client:
        client.sendall(head(SIZE) + begin([*SLEEP, FILE]))
        assert receive_all(client)
        wait_for(lambda: not (try_send(client, b"x") and try_send(client, b"x")), timeout=15)


@pytest.mark.heavy
@pytest.mark.gen_test
async def test_a_client_that_sends_for_too_long_is_disconnected(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS", 1.0)

    def send_on() -> bytes:
        port = int(client.base_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
            sender.sendall(head(10**15) + begin([*SLEEP, FILE]))
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and try_send(sender, b"x" * 10_000):
                pass
            assert time.monotonic() < deadline
            return receive_all(sender)

    assert parse_response(await asyncio.to_thread(send_on))[0] == 413


def test_curl_shows_the_answer_without_sending_the_file(service: Service, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    file = tmp_path / "large.log"
    with file.open("wb") as opened:
        opened.truncate(SIZE)
    for more in ([], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]):
        form_parts = ["-F", "type=nap", "-F", 'payload={"patterns": ["a"]}', "-F", f"file=@{file}"]
        show = ["-sS", "-w", "\n%{http_code} %{size_upload}"]
        command = ["curl", *show, *more, *form_parts, service.base_url + "/jobs"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        assert done.returncode == 0, done.stderr
        body, _, figures = done.stdout.rpartition("\n")
        status, sent = figures.split()
        assert (status, json.loads(body)["errors"][0]["field"]) == ("422", "type")
        assert int(sent) < 20 * 1024**2
