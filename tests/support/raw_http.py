"""Clients that misuse HTTP: invalid bytes, slow sending, or no data at all."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.programs import Service

JSON_HEAD = b"POST /jobs HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"


def port_of(service: Service) -> int:
    """The port of a service's listener."""
    return int(service.base_url.rpartition(":")[2])


def connect(service: Service, seconds: float = 20) -> socket.socket:
    """Connect to a service's listener; receiving times out after `seconds`."""
    return socket.create_connection(("127.0.0.1", port_of(service)), timeout=seconds)


@contextmanager
def open_connections(service: Service, count: int) -> Iterator[list[socket.socket]]:
    """Yield `count` open connections."""
    clients = [connect(service) for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def try_send(client: socket.socket, data: bytes) -> bool:
    """Send data; return whether the other side accepted it."""
    try:
        client.sendall(data)
    except OSError:
        return False
    return True


def receive_all(client: socket.socket) -> bytes:
    """Return all data until the other side closes the connection."""
    found = b""
    try:
        while more := client.recv(1 << 16):
            found += more
    except ConnectionResetError:
        pass
    return found


def parse_response(data: bytes) -> tuple[int, dict[str, str], Any]:
    """Return status, headers (with names in lower case) and JSON of a complete response."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("latin1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    return int(start.split()[1]), headers, json.loads(body) if body else None


def exchange(service: Service, data: bytes) -> tuple[int, dict[str, str], Any]:
    """Send bytes and parse the response. The listener must close the connection after it."""
    with connect(service) as client:
        client.sendall(data)
        return parse_response(receive_all(client))


def is_healthy(service: Service) -> bool:
    """Whether the listener answers another client."""
    request = b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    return exchange(service, request)[0] == 200
