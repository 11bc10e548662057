"""A file behind a URL on a web server, such as an S3 bucket, read by range requests.

    GET, Range: 64 MiB ──▶ response ──▶ readinto

After a broken connection, a new one continues at the next byte. Errors::

    RemoteError          the file cannot be read now: the network fails, or the store refuses
    ├── RemoteMissing    the store has no such file
    └── RemoteChanged    the file no longer has the size with which it was stored

This uses http.client and no S3 library: the threads of such a library would not survive a fork, and
presigned URLs need no credentials. Imports no other module of this project.
"""

import io
import re
import ssl
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

RANGE_BYTES = 64 << 20
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


class _TransientError(Exception):
    """A failure that a retry may overcome."""


class RemoteFile:
    """A file behind a URL.

    Each reader has its own connection, so forked processes can open the file, too.
    """

    def __init__(self, url: str, size: int) -> None:
        """`size` is the size of the file in bytes; any other size is an error when reading."""
        parts = urlsplit(url)
        self._host, self._target = parts.netloc, f"{parts.path}?{parts.query}"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.size = size

    def modified(self) -> float:
        """Return when the file was stored, in seconds since 1970. Raises RemoteError.

        Also serves as a check that the file can be read.
        """
        with self.open() as reader:
            return reader.modified()

    def open(self, start: int = 0, end: int | None = None) -> "RemoteReader":
        """Open the file for reading from offset `start` to `end`, or to the end of the file."""
        connection = HTTPConnection(self._host, timeout=_TIMEOUT_SECONDS)
        if self._tls is not None:
            connection = HTTPSConnection(self._host, timeout=_TIMEOUT_SECONDS, context=self._tls)
        return RemoteReader(connection, self._target, self.size, start, end)


class RemoteReader(io.RawIOBase):
    """A readable, seekable stream of a remote file. Reading raises RemoteError."""

    def __init__(
        self, connection: HTTPConnection, target: str, size: int, start: int, end: int | None
    ) -> None:
        """Read from offset `start` to `end`, or to the end of the file, which has `size` bytes."""
        super().__init__()
        self._connection, self._target, self._size = connection, target, size
        self._offset, self._end = start, size if end is None else min(end, size)
        self._response: HTTPResponse | None = None  # to the request under way
        self._response_end = 0
        self._tries = 0

    def modified(self) -> float:
        """Return when the file was stored, see RemoteFile; now if the server does not say."""
        while True:
            try:
                return self._modified()
            except _TransientError as error:
                self._wait(error)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True. A seek ends the request under way."""
        return True

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._offset

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to another offset, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._size}[whence]
        if base + offset != self._offset:
            self._disconnect()
            self._offset = max(base + offset, 0)
        return self._offset

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Read the next bytes; returns how many."""
        view = memoryview(buffer).cast("B")[: max(self._end - self._offset, 0)]
        while view:
            try:
                size = self._read(view)
            except _TransientError as error:
                self._wait(error)
            else:
                self._tries = 0
                self._offset += size
                return size
        return 0

    def close(self) -> None:
        """Close the connection."""
        self._disconnect()
        super().close()

    def _disconnect(self) -> None:
        """Close the connection. The next request opens it again."""
        self._response = None
        self._connection.close()

    def _wait(self, error: _TransientError) -> None:
        """Sleep before a retry; raises RemoteError after _TRIES failures in a row."""
        self._tries += 1
        if self._tries == _TRIES:
            raise RemoteError(str(error)) from error
        time.sleep(_PAUSE_SECONDS * 2**self._tries)

    def _read(self, view: memoryview) -> int:
        """Read bytes from the response under way, or from a new one."""
        if self._response is None:
            self._response_end = min(self._offset + RANGE_BYTES, self._end)
            self._response = self._request(self._offset, self._response_end)
        try:
            size = self._response.readinto(view[: self._response_end - self._offset])
        except (OSError, HTTPException) as error:
            raise self._connection_error(error) from error
        if not size:
            raise self._connection_error(EOFError("it ended too early"))
        if self._offset + size == self._response_end:
            self._response.close()
            self._response = None
        return size

    def _modified(self) -> float:
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
            self._disconnect()
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
        return _TransientError(text) if status >= 500 or status == _TOO_MANY else RemoteError(text)

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

    def _connection_error(self, error: Exception) -> _TransientError:
        self._disconnect()
        return _TransientError(
            f"the connection to the store failed: {type(error).__name__}: {error}"
        )
