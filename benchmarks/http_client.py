"""An HTTP client that needs little CPU time itself, so that it does not distort a measurement.

It keeps connections alive, and parses no header but Content-Length, which answers must have.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Flood:
    """The result of many requests: total seconds, and the latency of each in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds


class Connection(asyncio.Protocol):
    """A connection for one request at a time."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the pending request."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        """Collect data, and complete the pending request when its answer is complete."""
        self._data += data
        head = self._data.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._data.lower().find(b"content-length:", 0, head)
        size = int(self._data[at + 15 : self._data.find(b"\r\n", at)])
        if len(self._data) < head + 4 + size:
            return
        answer = bytes(self._data)
        self._data.clear()
        assert self._answer
        self._answer.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        """Send a request; return head and body of the answer. Raises ConnectionError."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


async def connect(port: int) -> Connection:
    """Open a connection to this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of a request, with a JSON body if there is one."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def flood(
    ports: list[int], connections: int, requests: Iterator[bytes], status: int
) -> Flood:
    """Send all requests over a number of connections, each as soon as the last was answered.

    Raises SystemExit for an answer with another status.
    """
    opened = [await connect(ports[n % len(ports)]) for n in range(connections)]
    expected, found = f"HTTP/1.1 {status} ".encode(), Flood(0.0)

    async def work(connection: Connection) -> None:
        for each in requests:
            began = time.perf_counter()
            answer = await connection.ask(each)
            found.latencies.append(time.perf_counter() - began)
            if not answer.startswith(expected):
                raise SystemExit(f"not {status}: {answer[:500]!r}")

    began = time.perf_counter()
    await asyncio.gather(*map(work, opened))
    found.seconds = time.perf_counter() - began
    for each in opened:
        each.close()
    return found
