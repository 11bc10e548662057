"""Responses of hosts to callbacks: only the status counts, and little of the rest is read."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest
from tornado.httpclient import AsyncHTTPClient

from server.events import callback_sender
from storage.records.job import NewJob
from tests.server.events.test_callbacks import ALLOWED
from tests.support.api import opened_app
from tests.support.stores import Bench, pending_callbacks

pytestmark = pytest.mark.sqlite

PIECE = b"x" * 65536
MOST_BYTES = 2**22
"""More than the 64 KiB that are read and all that the kernel buffers."""


@dataclass
class Host:
    """A host that answers every request in the same way."""

    url: str = ""
    requests: int = 0
    sent: int = 0
    closed: int = 0


@asynccontextmanager
async def answering(pieces: Callable[[], Iterable[bytes]], pause: float = 0) -> AsyncIterator[Host]:
    """A host that sends pieces until the client goes away."""
    host = Host()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        host.requests += 1
        try:
            for piece in pieces():
                writer.write(piece)
                await writer.drain()
                host.sent += len(piece)
                if host.sent > MOST_BYTES:
                    break
                await asyncio.sleep(pause)
            await reader.read()
        except ConnectionError:
            pass
        host.closed += 1
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    host.url = f"http://127.0.0.1:{port}/callback"
    yield host
    server.close()


def endless(head: bytes, piece: bytes = PIECE) -> Iterable[bytes]:
    yield head
    while True:
        yield piece


OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "until the end of the connection": lambda: endless(OK + b"\r\n"),
    "of a huge length": lambda: endless(OK + b"Content-Length: 1000000000000\r\n\r\n"),
    "in chunks": lambda: endless(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + PIECE + b"\r\n"
    ),
    "in one chunk": lambda: endless(
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", PIECE
    ),
    "compressed": lambda: endless(
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(2**24))
    ),
}


async def send_callback(bench: Bench, host: Host, until: Callable[[], bool]) -> None:
    """End a job with a callback to a host; wait for a condition, and until none is to be sent."""
    async with asyncio.timeout(20), opened_app(bench, **ALLOWED) as app:
        job = NewJob("sleep", {"seconds": 1}, callback_url=host.url)
        (job_id,) = await app.threads.run(app.job_store.enqueue, [job])
        assert isinstance(job_id, UUID)
        await app.threads.run(app.job_store.cancel, job_id)
        pending = {job_id}
        while not until() or pending:
            await asyncio.sleep(0.02)
            pending = await app.threads.run(pending_callbacks, bench.store.database)


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize("kind", ENDLESS)
async def test_an_endless_response_is_cut_off_and_its_status_counts(
    bench: Bench, http_client: AsyncHTTPClient, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_sender, "TIMEOUT_SECONDS", 60.0)
    async with answering(ENDLESS[kind]) as host:
        await send_callback(bench, host, lambda: host.closed == 1)
    assert (host.requests, host.closed) == (1, 1)
    assert host.sent < MOST_BYTES


@pytest.mark.gen_test
async def test_a_response_that_never_ends_counts_with_its_status(
    bench: Bench, http_client: AsyncHTTPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_sender, "TIMEOUT_SECONDS", 1.0)
    slow = lambda: endless(OK + b"Content-Length: 100000\r\n\r\n", b"x")  # noqa: E731
    async with answering(slow, 0.05) as host:
        await send_callback(bench, host, lambda: host.closed == 1)
    assert host.requests == 1


HEADS = {
    "headers": lambda: endless(OK, b"X: " + PIECE + b"\r\n"),
    "many headers": lambda: endless(OK, b"X: y\r\n" * 1000),
    "one header": lambda: endless(OK + b"X: "),
    "no status": lambda: endless(b""),
    "interim responses": lambda: endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
}


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize("kind", HEADS)
async def test_a_flood_of_headers_is_a_failure(
    bench: Bench, http_client: AsyncHTTPClient, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_sender, "TIMEOUT_SECONDS", 5.0)
    monkeypatch.setattr(callback_sender, "MAX_TRIES", 2)
    monkeypatch.setattr(callback_sender, "retry_delay", lambda tries: 0.0)
    async with answering(HEADS[kind]) as host:
        await send_callback(bench, host, lambda: host.closed == 2)
    assert host.requests == 2


@pytest.mark.gen_test
async def test_a_redirect_is_not_followed(
    bench: Bench, http_client: AsyncHTTPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_sender, "MAX_TRIES", 1)
    async with answering(lambda: [OK + b"Content-Length: 0\r\n\r\n"]) as elsewhere:
        redirect = f"HTTP/1.1 307 Go\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        async with answering(lambda: [redirect.encode()]) as host:
            await send_callback(bench, host, lambda: host.requests == 1)
        assert (host.requests, elsewhere.requests) == (1, 0)
