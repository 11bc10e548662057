"""A client of event streams that reads from the socket directly."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class ReceivedEvent:
    """An event as the listener sent it."""

    name: str
    id: int | None
    data: Any


class Follower:
    """An open event stream."""

    def __init__(
        self, status: int, headers: dict[str, str], reader: asyncio.StreamReader, writer: Any
    ):
        self.status = status
        self.headers = headers
        self.heartbeats = 0
        self.last_id: int | None = None
        self.retry_ms: int | None = None
        self._reader = reader
        self._writer = writer

    async def next(self) -> ReceivedEvent | None:
        """The next event, or None at the end of the stream."""
        while True:
            block = await self._block()
            if block is None:
                return None
            fields = self._note(block)
            if "data" in fields:
                number = int(fields["id"]) if "id" in fields else None
                return ReceivedEvent(fields["event"], number, json.loads(fields["data"]))

    async def some(self, count: int) -> list[ReceivedEvent]:
        """The next `count` events."""
        found = [await self.next() for _ in range(count)]
        assert None not in found, found
        return [each for each in found if each is not None]

    async def rest(self) -> list[ReceivedEvent]:
        """All events until the end of the stream."""
        found = []
        while (event := await self.next()) is not None:
            found.append(event)
        return found

    async def begun(self) -> None:
        """Return when the stream has begun, and `last_id` is known."""
        self._note(await self._block() or [])

    def _note(self, block: list[str]) -> dict[str, str]:
        """Return the fields of a block, and remember facts about the stream from them."""
        fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
        self.heartbeats += len(block) - len(fields)
        self.last_id = int(fields.get("id", self.last_id or 0))
        self.retry_ms = int(fields.get("retry", self.retry_ms or 0))
        return fields

    async def _block(self) -> list[str] | None:
        lines: list[str] = []
        while True:
            line = await asyncio.wait_for(self._reader.readline(), WAIT_SECONDS)
            if not line:
                return None
            if line == b"\n":
                return lines
            lines.append(line.decode().rstrip("\n"))

    async def body(self) -> bytes:
        """The body of a response that is not an event stream."""
        return await asyncio.wait_for(self._reader.read(), WAIT_SECONDS)

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class Followers:
    """Opens event streams, and closes them all at the end."""

    def __init__(self) -> None:
        self._opened: list[Follower] = []

    async def __call__(self, *args: Any, **kwargs: Any) -> Follower:
        """Open a stream; takes the arguments of `open_stream`."""
        follower = await open_stream(*args, **kwargs)
        self._opened.append(follower)
        return follower

    async def close(self) -> None:
        """Close all connections."""
        for follower in self._opened:
            await follower.close()


async def open_stream(
    base_url: str,
    path: str,
    last_event_id: object = None,
    limit: int = 2**20,
    headers: Mapping[str, str] | None = None,
) -> Follower:
    """Open an event stream with HTTP/1.0, whose body has no chunks. `limit` is the size of the read
    buffer in bytes. Raises OSError, or EOFError if the listener closes the connection at once."""
    address = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=limit)
    last = "" if last_event_id is None else f"Last-Event-ID: {last_event_id}\r\n"
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    writer.write(f"GET {path} HTTP/1.0\r\nHost: here\r\n{last}{more}\r\n".encode())
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
    except EOFError:
        writer.close()
        raise
    status, *lines = head.decode().strip().split("\r\n")
    received = dict(line.split(": ", 1) for line in lines)
    return Follower(int(status.split()[1]), received, reader, writer)


def event_labels(events: list[ReceivedEvent]) -> list[str]:
    """The status of each status event, and the name of every other event."""
    return [each.data["status"] if each.name == "status" else each.name for each in events]
