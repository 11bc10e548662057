"""Clients outside a deployment, which know the addresses of its listeners."""

import http.client
import json
import math
import random
import threading
import uuid
from typing import Self

from tests.system.docker.rolling import CLIENTS, Load

PORT = 5000
CONNECT_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
BOUNDARY = "5f1d2c9b"
LOG = b"ERROR one\nWARN two\nERROR three\n" * 10_000
COUNTS = {"ERROR": 20_000, "WARN": 10_000}
UPLOAD_EACH = 5


class Outside(Load):
    """Submits jobs for the duration of the block, one in five with a file.

    A client that cannot connect to an address tries the next one, since nothing was sent yet.
    """

    PAUSE_SECONDS = 0.1

    def __init__(self, token: str, addresses: list[tuple[str, int]]):
        super().__init__(token, math.inf)
        self._addresses = addresses
        self._threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end = -math.inf
        for thread in self._threads:
            thread.join()

    def _job(self, key: str) -> tuple[bytes, str]:
        if uuid.UUID(key).int % UPLOAD_EACH:
            return super()._job(key)
        return FORM, f"multipart/form-data; boundary={BOUNDARY}"

    def _connect(self) -> http.client.HTTPConnection:
        for address in random.sample(self._addresses, len(self._addresses)):
            connection = http.client.HTTPConnection(*address, timeout=CONNECT_SECONDS)
            try:
                connection.connect()
            except OSError:
                continue
            connection.sock.settimeout(TIMEOUT_SECONDS)
            return connection
        raise ConnectionError("no address accepts a connection")


def status_of(address: str, source: str, token: str) -> int:
    """The status of `GET /jobs` at a listener, requested from the address `source`."""
    here = (source, 0)
    connection = http.client.HTTPConnection(address, PORT, TIMEOUT_SECONDS, source_address=here)
    connection.request("GET", "/jobs", headers={"Authorization": f"Bearer {token}"})
    with connection.getresponse() as response:
        response.read()
        return response.status


def _form() -> bytes:
    fields = {"type": "analyze", "payload": json.dumps({"patterns": ["ERROR", "WARN"]})}
    parts = [(f'name="{name}"', text.encode()) for name, text in fields.items()]
    parts.append(('name="filename"; filename="app.log"', LOG))
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    body = b"".join(f"{head}{name}\r\n\r\n".encode() + text + b"\r\n" for name, text in parts)
    return body + f"--{BOUNDARY}--\r\n".encode()


FORM = _form()
