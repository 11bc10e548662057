"""Request bodies, received in pieces with bounded memory.

When a body is refused, the rest of it is read and dropped, so that the client can read the
response. A small rest is awaited first, and the connection stays open. Before a large one, the
response is sent at once, and the connection is closed afterwards.
"""

from multipart import parse_options_header
from tornado.httputil import HTTPHeaders

from server.http import strict_json
from server.http.codes import Code
from server.http.problems import Problem, malformed, too_large
from storage.records.json_values import JsonValue

SMALL_BYTES = 64 * 1024
"""The largest rest of a refused body that is awaited before the response."""
JSON_LINES = ("application/x-ndjson", "application/jsonl")
"""JSON documents, one on each line; the registries have no name for it, and both are in use."""
MERGE_PATCH = "application/merge-patch+json"
"""RFC 7396: a null in a PATCH is the same as in JSON here, since it removes a limit."""
_MAX_DIGITS = 100
"""Digits of a Content-Length. int() refuses numbers of some thousands of digits."""


class Body:
    """A request body that is being received. This one is dropped."""

    async def write(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes. The memory of `chunk` may be reused once this returns.

        Raises a Problem for which the body is refused.
        """

    async def abort(self) -> None:
        """Discard the body, and remove all that was stored of it."""


class RefusedBody(Body):
    """The rest of a body that was refused."""

    def __init__(self, problem: Problem):
        self.problem = problem


class NoBody(Body):
    """The body of a request that needs none. A small one is dropped."""

    LIMIT = 64 * 1024

    def __init__(self) -> None:
        self._size = 0

    async def write(self, chunk: bytes | memoryview) -> None:
        """Drop the bytes. Raises Problem 413 above the limit."""
        self._size += len(chunk)
        if self._size > self.LIMIT:
            raise too_large("the body", self.LIMIT)


class JsonBody(Body):
    """A JSON body of at most `limit` bytes, kept in memory."""

    def __init__(self, limit: int):
        self._limit = limit
        self._text = bytearray()

    async def write(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes. Raises Problem 413 above the limit."""
        self._text += chunk
        if len(self._text) > self._limit:
            await self.abort()
            raise too_large("the body", self._limit)

    async def abort(self) -> None:
        """Free the memory."""
        self._text.clear()

    def text(self) -> bytes:
        """Return the whole body, unparsed."""
        return bytes(self._text)

    def document(self) -> JsonValue:
        """Parse the whole body. Raises Problem 400."""
        return strict_json.parse(self.text())


def json_body(headers: HTTPHeaders, limit: int, *kinds: str) -> JsonBody:
    """The body of a request that must contain JSON. Raises Problem 400, 413 or 415.

    `kinds` are further media types for JSON that the call accepts.
    """
    if media_type(headers)[0] not in ("application/json", *kinds):
        names = " or ".join(["application/json", *kinds])
        raise Problem(Code.MEDIA_TYPE_UNSUPPORTED, f"send {names}")
    if (content_length(headers.get("Content-Length")) or 0) > limit:
        raise too_large("the body", limit)
    return JsonBody(limit)


def media_type(headers: HTTPHeaders, *codings: str) -> tuple[str, dict[str, str]]:
    """The media type of a body, and its parameters.

    Raises Problem 415 for an encoded body, unless its coding is one of `codings`.
    """
    if headers.get("Content-Encoding", "identity").lower() not in ("identity", *codings):
        detail = "encoded bodies are not supported; send it without Content-Encoding"
        raise Problem(Code.CODING_UNSUPPORTED, detail)
    kind, options = parse_options_header(headers.get("Content-Type", ""))
    return kind, options


def content_length(header: str | None) -> int | None:
    """The value of a Content-Length header, None without one. Raises Problem 400."""
    if header is None:
        return None
    if not (header.isascii() and header.isdigit() and len(header) <= _MAX_DIGITS):
        raise malformed("Content-Length is not a number of bytes")
    return int(header)


def body_size(headers: HTTPHeaders) -> int | None:
    """The size of a body by the head of its request; None if it is not known."""
    try:
        size = content_length(headers.get("Content-Length")) or 0
    except Problem:
        return None
    return None if "Transfer-Encoding" in headers else size
