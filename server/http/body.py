"""Request bodies, taken in as they arrive, with bounded memory.

A body that is refused half way is not cut off, since the client would see a reset instead of the
answer: what follows is read and dropped, up to a bound.
"""

from typing import Any, Protocol

from multipart import parse_options_header
from tornado.httputil import HTTPHeaders

from server.http import strict_json
from server.http.problems import Problem, malformed, too_large

_MOST_DIGITS = 100
"""Of a size; from some thousands on, int() refuses them."""


class Body(Protocol):
    """A body on its way in. Every method may raise a Problem."""

    async def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes, which may be others once this is done."""

    async def abort(self) -> None:
        """The body will not be used: leave nothing behind."""


class NoBody:
    """For requests that need none: a small one is let pass, unread."""

    LIMIT = 64 * 1024

    def __init__(self) -> None:
        self._size = 0

    async def write(self, chunk: bytes | memoryview) -> None:
        """Drop the bytes."""
        self._size += len(chunk)
        if self._size > self.LIMIT:
            raise too_large("the body", self.LIMIT)

    async def abort(self) -> None:
        """Nothing to do."""


class JsonBody:
    """A JSON body, kept in memory up to `limit` bytes."""

    def __init__(self, limit: int):
        self._limit = limit
        self._text = bytearray()

    async def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes. Raises Problem 413 above the limit."""
        self._text += chunk
        if len(self._text) > self._limit:
            self._text.clear()
            raise too_large("the body", self._limit)

    async def abort(self) -> None:
        """Forget the text."""
        self._text.clear()

    def document(self) -> Any:
        """The value of the whole body. Raises Problem 400."""
        return strict_json.parse(bytes(self._text))


class RefusedBody:
    """What remains of a body that was refused: dropped, up to a bound."""

    LIMIT = 64 * 1024**2

    def __init__(self, problem: Problem):
        self.problem = problem
        self._size = 0

    async def write(self, chunk: bytes | memoryview) -> None:
        """Drop the bytes. Raises the problem once there were too many to go on."""
        self._size += len(chunk)
        if self._size > self.LIMIT:
            raise self.problem

    async def abort(self) -> None:
        """Nothing to do."""


def json_body(headers: HTTPHeaders, limit: int) -> JsonBody:
    """For a request that has to bring JSON. Raises Problem 400, 413 or 415."""
    if media_type(headers)[0] != "application/json":
        raise Problem(415, "send application/json")
    if (content_length(headers.get("Content-Length")) or 0) > limit:
        raise too_large("the body", limit)
    return JsonBody(limit)


def media_type(headers: HTTPHeaders) -> tuple[str, dict[str, str]]:
    """The kind of a body, and its options. Raises Problem 415 for one that is encoded."""
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "an encoded body is not taken; send it without Content-Encoding")
    kind, options = parse_options_header(headers.get("Content-Type", ""))
    return kind, options


def content_length(header: str | None) -> int | None:
    """The announced size of a body in bytes, None if it was not announced."""
    if header is None:
        return None
    if not (header.isascii() and header.isdigit() and len(header) <= _MOST_DIGITS):
        raise malformed("Content-Length is not a number of bytes")
    return int(header)
