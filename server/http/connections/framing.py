"""The framing of requests: targets with a host (RFC 9112, 3.2.2), and the lines between the chunks
of a body, which have sizes with extensions, and trailers (RFC 9112, 7.1).

    5;name=value\r\n  hello\r\n  0\r\n  X-Checksum: abc\r\n  \r\n

Extensions and trailers are checked strictly and then ignored: proxies that read a malformed one in
another way would see other requests. Imports nothing of ours.
"""

import re
from collections.abc import Awaitable, Callable

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine

LINE_BYTES = 4096
"""Longest line with the size of a chunk."""
SURPLUS_BYTES = 16 * 1024
"""By how much the extensions of a body may exceed its data; signatures of chunks never do."""
TRAILER_BYTES = 8192
"""Most bytes of all trailers."""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t -~\x80-\xff]*)?\r\n")
_PLAIN_SIZE = re.compile(rb"[1-9A-Fa-f][0-9A-Fa-f]{0,15}\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n")
_HOST = r"(?:[A-Za-z0-9.~_!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"
_ABSOLUTE = re.compile(rf"https?://({_HOST})(/[^#]*)?(\?[^#]*)?", re.IGNORECASE)
_ONE_HOST = re.compile(_HOST)


def use_origin_form(line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return the line with only a path; the host of its target replaces that in the headers.

    Raises HTTPInputError for a target that is neither a path nor a URL. A missing or invalid Host
    header stays as it is, so that it is refused as in every other request.
    """
    if line.path.startswith("/") or line.path == "*" or line.method == "CONNECT":
        return line
    match = _ABSOLUTE.fullmatch(line.path)
    if match is None:
        raise HTTPInputError("the target is neither a path nor a URL")
    hosts = headers.get_list("Host")
    needs_host = line.version == "HTTP/1.0" and not hosts
    if needs_host or (len(hosts) == 1 and _ONE_HOST.fullmatch(hosts[0])):
        headers["Host"] = match[1]
    return line._replace(path=(match[2] or "/") + (match[3] or ""))


def is_plain_size(line: bytes) -> bool:
    """Return whether a line has only the size of a chunk, and the body goes on after it."""
    return _PLAIN_SIZE.fullmatch(line) is not None


class Chunks:
    """The chunks of one body. `read_line` reads up to CRLF, or fails after that many bytes."""

    def __init__(self, read_line: Callable[[int], Awaitable[bytes]]):
        self._read_line = read_line
        self._surplus = 0
        self.ended = False
        """Whether the empty line after the last chunk has been read."""

    async def read_size(self, line: Awaitable[bytes]) -> bytes:
        """Return a line without its extensions; after the last one, read all trailers.

        Raises HTTPInputError.
        """
        whole = await line
        match = _SIZE.fullmatch(whole)
        if match is None:
            raise HTTPInputError("invalid size of a chunk")
        size = int(match[1], 16)
        self._surplus = max(0, self._surplus + len(whole) - len(match[1]) - size)
        if self._surplus > SURPLUS_BYTES:
            raise HTTPInputError("more extensions than data")
        if size == 0:
            await self._drop_trailers()
        return match[1] + b"\r\n"

    async def _drop_trailers(self) -> None:
        left = TRAILER_BYTES
        while (line := await self._read_line(left)) != b"\r\n":
            if not _TRAILER.fullmatch(line):
                raise HTTPInputError("invalid trailer")
            left -= len(line)
        self.ended = True
