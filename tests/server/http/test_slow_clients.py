"""Clients that are slow on purpose: they are disconnected, and do not disturb others."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.programs import Service, running_service
from tests.support.raw_http import (
    JSON_HEAD,
    connect,
    is_healthy,
    open_connections,
    parse_response,
    receive_all,
    try_send,
)
from tests.support.stores import upload_files
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timing

SLOW_SECONDS = 1
COUNT = 300


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("slow")
    slow = {"server.start.http_server.SLOW_SECONDS": str(SLOW_SECONDS), "IDLE_SECONDS": "3"}
    with running_service("", folder, **slow) as service:
        yield service


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"GET /jobs HTTP/1.1\r\nHost: here\r\n", b"X: 1\r\n"),
        (JSON_HEAD + b"Content-Length: 1000\r\n\r\n", b" "),
        (JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (
            JSON_HEAD.replace(b"application/json", b"multipart/form-data; boundary=cut")
            + b"Content-Length: 100000\r\n\r\n--cut\r\n"
            + b'Content-Disposition: form-data; name="filename"; filename="a"\r\n\r\n',
            b"x",
        ),
    ],
    ids=["head", "body", "chunks", "file"],
)
def test_hundreds_of_trickling_clients_get_408_and_are_closed(
    service: Service, first: bytes, more: bytes
) -> None:
    with open_connections(service, COUNT) as clients:
        for client in clients:
            client.sendall(first)

        def all_gone() -> bool:
            began = time.monotonic()
            assert is_healthy(service)
            assert time.monotonic() - began < 2  # although the slow clients go on sending
            time.sleep(0.1)
            return sum(try_send(client, more) for client in clients) == 0

        wait_for(all_gone, timeout=20)
        responses = [receive_all(client) for client in clients]
    statuses = [parse_response(each)[0] for each in responses if each]
    assert set(statuses) == {408}
    assert len(statuses) > COUNT / 2  # the others may see only a reset, since they go on sending
    uploads = service.folder / "data" / "uploads"
    wait_for(lambda: not upload_files(uploads))


def test_a_head_that_is_slow_but_in_time_is_served(service: Service) -> None:
    with connect(service) as client:
        for byte in b"GET /healthz HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\r\n":
            client.sendall(bytes([byte]))
        assert parse_response(receive_all(client))[0] == 200


@pytest.mark.heavy
def test_an_upload_above_the_minimum_rate_is_accepted(service: Service) -> None:
    body = b'{"type": "sleep", "payload": {"seconds": 1}}'.ljust(12_000)
    with connect(service) as client:
        head = b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.sendall(JSON_HEAD + head)
        for at in range(0, len(body), 400):
            client.sendall(body[at : at + 400])
            time.sleep(0.1)  # three times SLOW_SECONDS in total, four times the minimum rate
        assert parse_response(receive_all(client))[0] == 202


@pytest.mark.heavy
def test_an_idle_connection_is_closed_without_a_response_and_not_too_early(
    service: Service,
) -> None:
    with connect(service) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert b"200 OK" in client.recv(1 << 16)
        began = time.monotonic()
        assert receive_all(client) == b""
        assert time.monotonic() - began > 2.5


@pytest.mark.heavy
@pytest.mark.parametrize("path", ["/jobs/{}?wait=4", "/jobs?id={}&wait=4"], ids=["fast", "tornado"])
def test_a_client_that_waits_for_a_response_is_not_closed(service: Service, path: str) -> None:
    job_id = service.submit(payload={"seconds": 1})
    with connect(service) as client:
        client.sendall(f"GET {path.format(job_id)} HTTP/1.1\r\nHost: here\r\n".encode())
        client.sendall(b"Connection: close\r\n\r\n")
        status, _, document = parse_response(receive_all(client))
    (job,) = document.get("items", [document])
    assert (status, job["status"]) == (200, "queued")


def test_a_client_that_does_not_read_its_responses_is_closed(service: Service) -> None:
    payload = {"patterns": ["x" * 9000 + str(n) for n in range(90)]}
    job_id = service.upload(b"x", payload)
    request = f"GET /jobs/{job_id} HTTP/1.1\r\nHost: here\r\n\r\n".encode()
    with connect(service) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wait_for(lambda: not try_send(client, request), timeout=20)
    assert is_healthy(service)


def test_a_client_that_does_not_read_a_file_is_closed(service: Service) -> None:
    job_id = service.upload(bytes(32 << 20), {"patterns": ["x"]})
    request = f"GET /jobs/{job_id}/upload HTTP/1.1\r\nHost: here\r\n\r\n".encode()
    before = open_uploads(service)
    with connect(service) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(request)
        wait_for(lambda: open_uploads(service) > before)
        wait_for(lambda: open_uploads(service) == before, timeout=20)
    assert is_healthy(service)


def open_uploads(service: Service) -> int:
    """How many uploads the listener has open."""
    found = psutil.Process(service.listener.process.pid).open_files()
    return sum("/uploads/" in each.path for each in found)
