"""Requests byte ranges of one file from a web server, such as an S3 bucket.

    RemoteError          the file cannot be read now: the network fails, or the store refuses
    ├── RemoteMissing    the store has no such file
    └── RemoteChanged    the file no longer has the size with which it was stored

This uses http.client and no S3 library: the threads of such a library would not survive a fork, and
presigned URLs need no credentials. Imports no other module of this project.
"""

import re
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

PIECE_BYTES = 1 << 20
_TRIES = 5
"""Failed requests in a row, without a byte read, after which to give up."""
_PAUSE_SECONDS = 0.1  # doubles with each retry
_TIMEOUT_SECONDS = 30.0
_BODY_BYTES = 4096
_TOO_MANY = 429


class RemoteError(OSError):
    """The file cannot be read now. The message is shown to clients, so it contains no URL."""


class RemoteMissing(RemoteError):
    """The store has no such file."""


class RemoteChanged(RemoteError):
    """The file no longer has the size with which it was stored."""

    def __init__(self, size: str) -> None:
        super().__init__(f"it has {size} bytes")
        self.size = size


class TransientError(Exception):
    """A failure that a retry may overcome."""


class RetryBudget:
    """Counts failures in a row, and waits before each retry."""

    def __init__(self) -> None:
        self._tries = 0

    def reset(self) -> None:
        """Note a success: the count starts again."""
        self._tries = 0

    def wait(self, error: TransientError) -> None:
        """Sleep before a retry; raises RemoteError after _TRIES failures in a row."""
        self._tries += 1
        if self._tries == _TRIES:
            raise RemoteError(str(error)) from error
        time.sleep(_PAUSE_SECONDS * 2**self._tries)


class RemoteLocation:
    """The URL of a file, and its size in bytes."""

    def __init__(self, url: str, size: int) -> None:
        parts = urlsplit(url)
        self._host, self._target = parts.netloc, f"{parts.path}?{parts.query}"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.size = size

    def connect(self) -> "RangeReader":
        """Return a reader with its own connection, which the first request opens."""
        connection = HTTPConnection(self._host, timeout=_TIMEOUT_SECONDS)
        if self._tls is not None:
            connection = HTTPSConnection(self._host, timeout=_TIMEOUT_SECONDS, context=self._tls)
        return RangeReader(connection, self._target, self.size)


class RangeReader:
    """Requests ranges of a file over one connection, one after another."""

    def __init__(self, connection: HTTPConnection, target: str, size: int) -> None:
        self._connection, self._target, self._size = connection, target, size

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def fetch(self, start: int, end: int) -> Iterator[bytes]:
        """Yield a non-empty range in pieces. Raises RemoteError and TransientError."""
        response = self._request(start, end)
        while start < end:
            try:
                piece = response.read(min(PIECE_BYTES, end - start))
            except (OSError, HTTPException) as error:
                raise self._connection_error(error) from error
            if not piece:
                raise self._connection_error(EOFError("it ended too early"))
            yield piece
            start += len(piece)
        response.close()

    def modified(self) -> float:
        """Return when the file was stored, in seconds since 1970; now if the server does not say.

        Raises RemoteError and TransientError.
        """
        response = self._request(0, 1)
        try:
            response.read()
            return parsedate_to_datetime(response.headers["Last-Modified"]).timestamp()
        except (OSError, HTTPException) as error:
            raise self._connection_error(error) from error
        except (TypeError, ValueError):
            return time.time()  # servers other than S3 may leave the header out

    def _request(self, start: int, end: int) -> HTTPResponse:
        # An empty file has no valid range.
        headers = {"Range": f"bytes={start}-{end - 1}"} if self._size else {}
        try:
            self._connection.request("GET", self._target, headers=headers)
            response = self._connection.getresponse()
            body = b"" if response.status in (200, 206) else response.read(_BODY_BYTES)
        except (OSError, HTTPException) as error:
            raise self._connection_error(error) from error
        if problem := self._problem(response, body, start):
            self._connection.close()
            raise problem
        return response

    def _problem(self, response: HTTPResponse, body: bytes, start: int) -> Exception | None:
        """Return what is wrong with a response, or None."""
        status = response.status
        if status == 404 and b"NoSuchKey" in body:  # not NoSuchBucket, for example
            return RemoteMissing("the store has no such file")
        if status in (200, 206, 416):
            return self._range_problem(response, start)
        text = f"the store answers {status} {response.reason}"
        return TransientError(text) if status >= 500 or status == _TOO_MANY else RemoteError(text)

    def _range_problem(self, response: HTTPResponse, start: int) -> RemoteError | None:
        if response.status == 200:
            size = response.headers.get("Content-Length", "")
            if size == str(self._size) and self._size:
                return RemoteError("the store ignores range requests")
        else:
            content_range = response.headers.get("Content-Range", "")
            match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", content_range)
            if match is None or match[1] not in (str(start), None):
                return RemoteError("the store answers with another range")
            size = match[2]
        return None if size == str(self._size) else RemoteChanged(size)

    def _connection_error(self, error: Exception) -> TransientError:
        self._connection.close()
        return TransientError(
            f"the connection to the store failed: {type(error).__name__}: {error}"
        )
