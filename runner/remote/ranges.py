"""Asks a web server for ranges of one file. Imports nothing of ours.

    RemoteError          it cannot be had now: the network, or the store refuses
    ├── RemoteMissing    the store says that there is no such file
    └── RemoteChanged    it has another size than it was stored with

No library for S3: its threads do not outlive a fork, and who reads by a URL needs no credentials.
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
"""So often without a byte more, and it is given up."""
_PAUSE_SECONDS = 0.1  # and twice as long each time
_TIMEOUT_SECONDS = 30.0
_BODY_BYTES = 4096
_TOO_MANY = 429


class RemoteError(OSError):
    """The file cannot be had now. The text is for clients: there is no URL in it."""


class RemoteMissing(RemoteError):
    """The store says that there is no such file."""


class RemoteChanged(RemoteError):
    """The file has another size than it was stored with."""

    def __init__(self, size: str) -> None:
        super().__init__(f"it has {size} bytes")
        self.size = size


class TransientError(Exception):
    """What can go away by itself."""


class RetryBudget:
    """How often something is tried that brings nothing."""

    def __init__(self) -> None:
        self._tries = 0

    def renew(self) -> None:
        """It has brought something."""
        self._tries = 0

    def wait(self, error: TransientError) -> None:
        """Before it is tried again. Raises RemoteError if that was often enough."""
        self._tries += 1
        if self._tries == _TRIES:
            raise RemoteError(str(error)) from error
        time.sleep(_PAUSE_SECONDS * 2**self._tries)


class RemoteLocation:
    """Where a file is, and how many bytes it has."""

    def __init__(self, url: str, size: int) -> None:
        parts = urlsplit(url)
        self._host, self._target = parts.netloc, f"{parts.path}?{parts.query}"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.size = size

    def connect(self) -> "RangeReader":
        """A connection of its own, made when it is first asked for something."""
        if self._tls is None:
            return RangeReader(
                HTTPConnection(self._host, timeout=_TIMEOUT_SECONDS), self._target, self
            )
        tls = HTTPSConnection(self._host, timeout=_TIMEOUT_SECONDS, context=self._tls)
        return RangeReader(tls, self._target, self)


class RangeReader:
    """A connection that a file's ranges are asked for, one after the other."""

    def __init__(self, connection: HTTPConnection, target: str, place: RemoteLocation) -> None:
        self._connection, self._target, self._size = connection, target, place.size

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def fetch(self, start: int, end: int) -> Iterator[bytes]:
        """The pieces of a range that is not empty. Raises RemoteError and Again."""
        answer = self._ask(start, end)
        while start < end:
            try:
                piece = answer.read(min(PIECE_BYTES, end - start))
            except (OSError, HTTPException) as error:
                raise self._broken(error) from error
            if not piece:
                raise self._broken(EOFError("it ended too early"))
            yield piece
            start += len(piece)
        answer.close()

    def modified(self) -> float:
        """When the file was stored, in seconds since 1970. Raises RemoteError and Again."""
        answer = self._ask(0, 1)
        try:
            answer.read()
            return parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp()
        except (OSError, HTTPException) as error:
            raise self._broken(error) from error
        except (TypeError, ValueError):
            return time.time()  # what is no S3 may not tell

    def _ask(self, start: int, end: int) -> HTTPResponse:
        # An empty file has no range.
        headers = {"Range": f"bytes={start}-{end - 1}"} if self._size else {}
        try:
            self._connection.request("GET", self._target, headers=headers)
            answer = self._connection.getresponse()
            body = b"" if answer.status in (200, 206) else answer.read(_BODY_BYTES)
        except (OSError, HTTPException) as error:
            raise self._broken(error) from error
        if problem := self._problem(answer, body, start):
            self._connection.close()
            raise problem
        return answer

    def _problem(self, answer: HTTPResponse, body: bytes, start: int) -> Exception | None:
        """What is wrong with an answer."""
        status = answer.status
        if status == 404 and b"NoSuchKey" in body:  # and not the bucket, say
            return RemoteMissing("the store has no such file")
        if status in (200, 206, 416):
            return self._other_size(answer, start)
        text = f"the store answers {status} {answer.reason}"
        return TransientError(text) if status >= 500 or status == _TOO_MANY else RemoteError(text)

    def _other_size(self, answer: HTTPResponse, start: int) -> RemoteError | None:
        if answer.status == 200:
            size = answer.headers.get("Content-Length", "")
            if size == str(self._size) and self._size:
                return RemoteError("the store heeds no ranges")
        else:
            told = answer.headers.get("Content-Range", "")
            match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", told)
            if match is None or match[1] not in (str(start), None):
                return RemoteError("the store answers with another range")
            size = match[2]
        return None if size == str(self._size) else RemoteChanged(size)

    def _broken(self, error: Exception) -> TransientError:
        self._connection.close()
        return TransientError(
            f"the connection to the store failed: {type(error).__name__}: {error}"
        )
