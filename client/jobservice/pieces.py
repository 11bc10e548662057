"""Pieces of a file, which a resumable upload sends one after another. Does no network input or
output."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobservice.documents import known_fields
from jobservice.json_values import JsonValue
from jobservice.uploads import File, Progress, Source

PIECE_BYTES = 64 * 1024**2
"""The most bytes of one request: many proxies limit the size of a body. The service makes each
piece durable."""
SEND_BYTES = 128 * 1024
"""How many bytes are read and sent at once."""
MAX_EARLIER = 256
"""How many earlier hashes are kept: for the last 32 MiB."""
LARGE_BYTES = 64 * 1024**2
"""From this size on, the file of a submission is sent as a resumable upload."""


def is_large(file: File) -> bool:
    """Whether a submission sends a file as a resumable upload: if it is large and can seek."""
    source = Source(file)
    return source.can_restart and (source.size or 0) >= LARGE_BYTES


@dataclass(frozen=True)
class UploadState:
    """A resumable upload.

    size, offset: the bytes of the file, and how many of them the service has.
    sha256: the hash of the file in hexadecimal; None until it is complete.
    """

    upload_id: str
    name: str = ""
    size: int = 0
    offset: int = 0
    sha256: str | None = None
    created_by: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


def read_upload(document: Mapping[str, JsonValue]) -> UploadState:
    """Read the state of an upload."""
    return UploadState(**known_fields(UploadState, document), raw=document)


class Hashed:
    """A file, and the SHA-256 of its bytes up to a position.

    A broken connection leads a little way back, so the hashes of the last positions are kept.
    """

    def __init__(self, source: Source):
        self.source = source
        self._position = 0
        self._sha256 = hashlib.sha256()
        self._earlier: deque[tuple[int, hashlib._Hash]] = deque(maxlen=MAX_EARLIER)

    def move(self, position: int) -> None:
        """Go to a position, and hash the bytes before it.

        To go back, this takes the last kept hash of bytes before the position, and reads the bytes
        after these. If no such hash is kept, this reads the file from its start.
        """
        while position < self._position:
            self._position, self._sha256 = (
                self._earlier.pop() if self._earlier else (0, hashlib.sha256())
            )
        for chunk in self.source.chunks(self._position, position, SEND_BYTES):
            self._add(chunk)

    def chunks(self, end: int) -> Iterator[bytes]:
        """Read the bytes from the position up to `end`. Raises ValueError as `Source.chunks`."""
        for chunk in self.source.chunks(self._position, end, SEND_BYTES):
            self._add(chunk)
            yield chunk

    def sha256(self, size: int) -> str:
        """The hash of the first `size` bytes, which are the whole file."""
        self.move(size)
        return self._sha256.hexdigest()

    def _add(self, chunk: bytes) -> None:
        self._earlier.append((self._position, self._sha256.copy()))
        self._sha256.update(chunk)
        self._position += len(chunk)


class Piece:
    """The next bytes of an upload, as the body of one request.

    furthest: the offset up to which bytes were sent.
    """

    def __init__(self, file: Hashed, offset: int, size: int, on_progress: Progress | None):
        """The piece begins at `offset`, up to which `file` is hashed; `size` is the file's."""
        self.source = file.source
        self.furthest = offset
        self._file, self._offset = file, offset
        self._end = min(size, offset + PIECE_BYTES)
        self._size, self._on_progress = size, on_progress
        self._position = offset

    def headers(self) -> dict[str, str]:
        """The headers that describe the piece."""
        return {
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(self._end - self._offset),
            "Upload-Offset": str(self._offset),
        }

    def chunks(self) -> Generator[bytes, None, None]:
        """Read the piece; `report` has to follow when a chunk has been sent."""
        for chunk in self._file.chunks(self._end):
            self._position += len(chunk)
            yield chunk

    def report(self) -> None:
        """Report the progress of the file, up to the last chunk that was read."""
        self.furthest = self._position
        if self._on_progress is not None:
            self._on_progress(self._position, self._size)
