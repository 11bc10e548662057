"""Several stored files as one zip archive, which is made while it is sent.

Files are stored in it as they are. Its size follows from theirs, so a client notices if it breaks
off. Equal files make equal archives.
"""

import hashlib
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from server.api.uploads.zip_records import ZipRecords
from server.http.codes import Code
from server.http.problems import Problem

PIECE_BYTES = 1024**2
"""Least size of a piece, but for the last one. No piece has more than twice as many bytes, and
records of files."""


class Reader(Protocol):
    """Reads a file from its beginning."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""

    def close(self) -> None:
        """Release what the reader holds."""


class ArchivedFile(Protocol):
    """A file of an archive."""

    @property
    def name(self) -> str:
        """Its name in the archive."""

    @property
    def size(self) -> int:
        """Its size in bytes."""

    @property
    def sha256(self) -> str:
        """Its digest in hexadecimal."""


F = TypeVar("F", bound=ArchivedFile)


class FilesArchive(Generic[F]):
    """The archive of files of one job."""

    def __init__(self, files: Sequence[F], open_file: Callable[[F], Reader | None]):
        """`open_file` returns a reader, or None if a file is gone. It may block."""
        self._files, self._open_file = files, open_file
        records = ZipRecords()
        for file in files:
            records.begin(file.name)
            records.end(file.size, 0)
        records.directory()
        self.size = records.size
        """The size of the archive in bytes."""

    @property
    def etag(self) -> str:
        """The ETag, which follows from the names and digests of the files."""
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(f"{file.sha256} {file.name}\0".encode())
        return f'"zip-{digest.hexdigest()}"'

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the archive in pieces. Blocks. Raises Problem 410 if a file is gone, and
        StoreUnavailable."""
        waiting: list[bytes] = []
        size = 0
        for part in self._parts():
            waiting.append(part)
            size += len(part)
            if size >= PIECE_BYTES:
                yield b"".join(waiting)  # which copies nothing if a part is alone
                waiting, size = [], 0
        yield b"".join(waiting)

    def _parts(self) -> Iterator[bytes]:
        records = ZipRecords()
        for file in self._files:
            yield records.begin(file.name)
            crc = 0
            for data in self._data(file):
                crc = zlib.crc32(data, crc)
                yield data
            yield records.end(file.size, crc)
        yield records.directory()

    def _data(self, file: F) -> Iterator[bytes]:
        reader = self._open_file(file)
        if reader is None:
            raise Problem(Code.FILE_GONE, f"the file {file.name!r} was deleted or changed")
        try:
            left = file.size
            while left and (data := reader.read(min(PIECE_BYTES, left))):
                left -= len(data)
                yield data
        finally:
            reader.close()
        if left:
            raise Problem(Code.FILE_GONE, f"the file {file.name!r} was cut")
