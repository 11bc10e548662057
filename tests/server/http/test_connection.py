"""Connections: too many of them, heads that are too long, and invalid HTTP."""

import asyncio
import logging
import resource
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from server.http.connections.connection import Connection
from server.http.response import DEFAULT_HEADERS
from server.start.app import App
from server.start.listener import new_event_loop
from tests.support.api import Client
from tests.support.programs import Program, Service, running_service
from tests.support.raw_http import (
    JSON_HEAD,
    connect,
    exchange,
    is_healthy,
    open_connections,
    parse_response,
    receive_all,
)
from tests.support.waiting import until, wait_for

FULL = "no room for more connections, idle ones are closed"
ROOM_AGAIN = "there is room for connections again"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service("", tmp_path_factory.mktemp("edge")) as service:
        yield service


def at_most(connections: int) -> dict[str, str]:
    """Constants with which a listener has so many connections at most."""
    acceptor = "server.http.connections.acceptor"
    few = {"RESERVED_FILES": 1 << 30, "MIN_CONNECTIONS": connections}
    return {f"{acceptor}.{name}": str(value) for name, value in few.items()}


def count_logged(service: Service, message: str) -> int:
    return sum(line["message"] == message for line in service.listener.lines())


def seconds_of_cpu(service: Service) -> float:
    times = psutil.Process(service.listener.process.pid).cpu_times()
    return float(times.user + times.system)


@pytest.mark.heavy
def test_at_the_maximum_idle_connections_are_closed_for_new_clients(tmp_path: Path) -> None:
    with running_service("", tmp_path, **at_most(20)) as service:
        with open_connections(service, 60):
            for _ in range(5):
                assert is_healthy(service)
            assert count_logged(service, FULL) == 1
        wait_for(lambda: count_logged(service, ROOM_AGAIN) == 1, timeout=15)
        assert is_healthy(service)
        assert count_logged(service, FULL) == 1


@pytest.mark.heavy
def test_connections_that_are_being_served_are_not_closed(tmp_path: Path) -> None:
    with running_service("", tmp_path, **at_most(2)) as service:
        job_id = service.submit(payload={"seconds": 1})
        wait = f"GET /jobs/{job_id}?wait=3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        with connect(service) as one, connect(service) as two:
            one.sendall(wait.encode())
            two.sendall(wait.encode())
            before = seconds_of_cpu(service)
            began = time.monotonic()
            assert is_healthy(service)  # once one of the two has been answered
            assert time.monotonic() - began > 1.5
            assert seconds_of_cpu(service) - before < 0.5
            assert parse_response(receive_all(one))[0] == parse_response(receive_all(two))[0] == 200


def test_streams_use_at_most_half_of_the_connections(tmp_path: Path) -> None:
    follow = b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
    with (
        running_service("", tmp_path, **at_most(4)) as service,
        open_connections(service, 2) as two,
    ):
        for client in two:
            client.sendall(follow)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert exchange(service, follow.replace(b"a\r\n", b"a\r\nConnection: close\r\n"))[0] == 503


@pytest.mark.timing
def test_without_file_descriptors_the_listener_waits_quietly_and_recovers(tmp_path: Path) -> None:
    with running_service("", tmp_path, **at_most(1000)) as service:
        pid = service.listener.process.pid
        assert is_healthy(service)
        most = len(list(Path(f"/proc/{pid}/fd").iterdir())) + 30
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        with open_connections(service, 120):
            before, size = seconds_of_cpu(service), service.listener.log.stat().st_size
            time.sleep(2)
            assert seconds_of_cpu(service) - before < 0.5
            assert service.listener.log.stat().st_size - size < 2000
            assert is_healthy(service)
        assert count_logged(service, FULL) == 1
        wait_for(lambda: count_logged(service, ROOM_AGAIN) == 1, timeout=15)
        assert is_healthy(service)


def test_a_listener_without_a_free_descriptor_accepts_a_job(tmp_path: Path) -> None:
    body = b'{"type": "sleep", "payload": {"seconds": 0}}'
    head = b"POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    submission = head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    with running_service("", tmp_path) as service, connect(service) as client:
        pid = service.listener.process.pid
        for is_first in (True, False):
            client.sendall(submission)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 202")
            if is_first:
                used = {int(file.name) for file in Path(f"/proc/{pid}/fd").iterdir()}
                most = min(set(range(len(used) + 1)) - used)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))


@pytest.mark.heavy
def test_a_listener_that_may_open_64_files_serves_clients(tmp_path: Path) -> None:
    limit = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); "
    starter = (sys.executable, "-c", limit + "os.execv(sys.argv[1], sys.argv[1:])")
    with running_service("", tmp_path) as service:
        service.listener.stop()
        listener = Program("server", tmp_path, service.environ, starter)
        try:
            port = listener.logged("listening")["port"]
            small = Service(tmp_path, service.environ, listener, f"http://127.0.0.1:{port}")
            with open_connections(small, 120):
                assert is_healthy(small)
        finally:
            listener.stop()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 17_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(5000)) + b"\r\n",
        b"x" * 100_000,
    ],
    ids=["request line", "one header", "many headers", "no end"],
)
def test_a_head_over_the_limit_is_a_431(service: Service, head: bytes) -> None:
    status, headers, problem = exchange(service, head)
    assert (status, problem["status"]) == (431, 431)
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        JSON_HEAD + b"Content-Length: -1\r\n\r\n",
        JSON_HEAD + b"Content-Length: 1, 2\r\n\r\n",
        JSON_HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 5000 + b"\r\n",
    ],
    ids=lambda data: repr(data[-40:]),
)
def test_invalid_http_gets_a_problem_and_closes_the_connection(
    service: Service, data: bytes
) -> None:
    status, headers, problem = exchange(service, data)
    assert (status, problem["status"]) == (400, 400)
    assert {name: headers[name.lower()] for name in DEFAULT_HEADERS} == {
        **DEFAULT_HEADERS,
        "Content-Type": "application/problem+json",
    }
    assert is_healthy(service)


@pytest.mark.heavy
def test_a_foreign_address_to_listen_on_is_named_in_the_error(tmp_path: Path) -> None:
    elsewhere = {
        "DATA_DIR": str(tmp_path),
        "HOST": "192.0.2.1",
        "PORT": "5000",
    }  # an address that no host has
    listener = Program("server", tmp_path, elsewhere)
    assert listener.process.wait(timeout=30) == 1
    message = listener.lines()[-1]["message"]
    assert message.startswith("cannot listen on HOST=192.0.2.1, PORT=5000: Cannot assign")


@pytest.mark.parametrize("expected", ["100-continue", "100-Continue"])
def test_expect_100_continue_is_honored_in_any_case(service: Service, expected: str) -> None:
    body = b'{"type": "sleep", "payload": {"seconds": 0}}'
    head = f"Content-Length: {len(body)}\r\nExpect: {expected}\r\nConnection: close\r\n\r\n"
    with connect(service) as client:
        client.sendall(JSON_HEAD + head.encode())
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        assert parse_response(receive_all(client))[0] == 202


def reset(client: socket.socket) -> None:
    """Close the connection with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class CountingConnection(Connection):
    """Counts how often the event loop reports an event."""

    def __init__(self, client: socket.socket):
        super().__init__(client, "127.0.0.1", lambda _: None)
        self.turns = 0
        self.set_close_callback(lambda: None)  # as Tornado does while it handles a request

    def on_events(self, events: int) -> None:
        self.turns += 1
        super().on_events(events)


@pytest.mark.gen_test
async def test_an_early_request_waits_for_two_turns_and_then_the_loop_is_idle() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = CountingConnection(ours)
        theirs.send(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: connection.turns == 2)
        assert not connection._transferred
        await until(lambda: bool(connection._transferred))
        for _ in range(10):
            await asyncio.sleep(0)
        assert connection.turns == 3
        assert (await connection.read_until_regex(b"\r\n\r\n")).startswith(b"GET")
        connection.close()


@pytest.mark.gen_test
async def test_a_request_that_is_read_in_time_keeps_its_socket_in_the_loop() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = CountingConnection(ours)
        for number in range(3):
            theirs.send(f"GET /{number} HTTP/1.1\r\n\r\n".encode())
            await until(lambda: connection.turns > 0)
            assert (await connection.read_until_regex(b"\r\n\r\n"))[:6] == b"GET /%d" % number
            assert connection.turns <= 2
            connection.turns = 0
        connection.close()


@pytest.mark.gen_test
async def test_a_client_that_closes_while_nothing_is_read_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    connection = CountingConnection(ours)
    theirs.close()
    await until(connection.closed)


def test_a_client_that_resets_while_nothing_is_read_is_noticed() -> None:
    async def check() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            theirs = socket.create_connection(listening.getsockname())
            connection = CountingConnection(listening.accept()[0])
            reset(theirs)
            await asyncio.wait_for(until(connection.closed), 10)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:  # the event loop of the listener
        runner.run(check())


@pytest.mark.gen_test
async def test_a_client_that_leaves_before_its_stream_begins_causes_no_error(
    app: App,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = app.event_feed

    async def ready() -> None:
        theirs.close()
        await until(lambda: all(stream.ended for stream in feed._open))

    monkeypatch.setattr(feed, "ready", ready)
    with caplog.at_level(logging.DEBUG):
        theirs = socket.create_connection(("127.0.0.1", urlsplit(client.base_url).port))
        theirs.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: app.activity._requests == 1)
        await until(lambda: app.activity._requests == 0 and not feed._open)
    assert not [line for line in caplog.records if line.levelno >= logging.WARNING]
