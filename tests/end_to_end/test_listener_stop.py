"""A stopping listener answers all requests that reach it, and asks clients to connect elsewhere."""

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.programs import Service, running_service
from tests.support.raw_http import connect, parse_response, port_of, receive_all
from tests.support.waiting import wait_for

JOB: dict[str, Any] = {"type": "sleep", "payload": {"seconds": 600}}
NO_JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"
FAST = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % NO_JOB.encode()
PATHS = [NO_JOB, "/jobs?limit=1", "/healthz", "/nothing"]
"""The first one takes the fast path."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service("", tmp_path) as service:
        yield service


class KeptConnection:
    """A connection of a client that sends several requests on it."""

    def __init__(self, service: Service):
        self.http = http.client.HTTPConnection("127.0.0.1", port_of(service), timeout=20)
        self.http.connect()
        self.socket = self.http.sock

    def get(self, path: str) -> http.client.HTTPResponse:
        """Send a request on this very connection, and read the response."""
        assert self.http.sock is self.socket
        self.http.request("GET", path)
        response = self.http.getresponse()
        response.read()
        return response

    def close(self) -> None:
        self.http.close()


def begin_stop(service: Service) -> None:
    """Send SIGTERM, and wait until the listener no longer listens."""
    service.listener.process.send_signal(signal.SIGTERM)
    service.listener.logged("stopping")
    wait_for(lambda: not accepts(service))


def accepts(service: Service) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port_of(service)), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.heavy
@pytest.mark.parametrize("path", PATHS)
def test_an_idle_connection_gets_its_last_request_answered(service: Service, path: str) -> None:
    with closing(KeptConnection(service)) as client:
        assert client.get(path).getheader("Connection") is None
        begin_stop(service)
        response = client.get(path)
        assert response.status in (200, 404)
        assert response.getheader("Connection") == "close"
    assert service.listener.process.wait(20) == 0


@pytest.mark.heavy
@pytest.mark.parametrize("path", ["/events", "/events?last_event_id=0", "/jobs/{}/events"])
def test_a_stream_that_begins_during_the_stop_ends_at_once(service: Service, path: str) -> None:
    job_id = service.submit(payload={"seconds": 600})
    with closing(KeptConnection(service)) as earlier, closing(KeptConnection(service)) as client:
        earlier.http.request("GET", "/events")
        assert earlier.http.getresponse().readline() == b"retry: 1000\n"
        assert client.get(NO_JOB).status == 404
        begin_stop(service)
        response = client.get(path.format(job_id))  # reads to its end
        assert (response.status, response.getheader("Connection")) == (200, "close")
    assert service.listener.process.wait(20) == 0


def test_a_new_job_on_an_idle_connection_is_stored(service: Service) -> None:
    with closing(KeptConnection(service)) as client:
        client.get("/healthz")
        begin_stop(service)
        headers = {"Content-Type": "application/json"}
        client.http.request("POST", "/jobs", json.dumps(JOB), headers)
        response = client.http.getresponse()
        assert (response.status, response.getheader("Connection")) == (202, "close")
        assert json.load(response)["status"] == "queued"


@pytest.mark.heavy
@pytest.mark.parametrize("query", ["?wait=60", f"?wait=60&id={NO_JOB[-36:]}"])
def test_a_waiting_request_is_answered_at_once(service: Service, query: str) -> None:
    job_id = service.submit(**JOB)
    path = f"/jobs/{job_id}{query}" if "id" not in query else f"/jobs{query}&id={job_id}"
    with connect(service) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_for(lambda: established(service) >= 1)
        begin_stop(service)
        status, headers, _ = parse_response(receive_all(client))
        assert (status, headers["connection"]) == (200, "close")


def established(service: Service) -> int:
    """How many clients are connected."""
    connections = psutil.Process(service.listener.process.pid).net_connections("tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED for each in connections)


@pytest.mark.heavy
def test_a_client_that_keeps_its_connection_is_closed_soon(service: Service) -> None:
    with connect(service) as silent, connect(service) as kept:
        kept.sendall(FAST)
        assert kept.recv(1 << 16).startswith(b"HTTP/1.1 404")
        begin_stop(service)
        assert (receive_all(silent), receive_all(kept)) == (b"", b"")
        assert service.listener.process.wait(20) == 0


@pytest.mark.heavy
def test_a_request_that_arrives_in_pieces_is_answered(service: Service) -> None:
    with connect(service) as client, connect(service) as idle:
        client.sendall(FAST[:20])
        begin_stop(service)
        assert receive_all(idle) == b""  # idle ones are closed now
        client.sendall(FAST[20:])
        assert parse_response(receive_all(client))[0] == 404
    assert service.listener.process.wait(20) == 0


def test_requests_in_the_backlog_are_answered(service: Service) -> None:
    os.kill(service.listener.process.pid, signal.SIGSTOP)
    clients = [connect(service) for _ in range(20)]
    for client in clients:
        client.sendall(FAST)
    service.listener.process.send_signal(signal.SIGTERM)
    os.kill(service.listener.process.pid, signal.SIGCONT)
    answers: list[tuple[int, dict[str, str], Any]] = []
    for client in clients:
        with client:
            answers.append(parse_response(receive_all(client)))
    assert [status for status, _, _ in answers] == [404] * 20


def test_an_event_stream_ends_and_its_client_can_use_the_connection(service: Service) -> None:
    with closing(KeptConnection(service)) as client:
        client.http.request("GET", "/events")
        stream = client.http.getresponse()
        assert stream.readline().startswith(b"retry:")
        begin_stop(service)
        stream.read()  # to the end
        assert client.get(NO_JOB).getheader("Connection") == "close"
