"""The file to analyze, on a local disk or elsewhere. Imports nothing of ours."""

import io
import os
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Protocol


class RemoteStored(Protocol):
    """A file that is not on a local disk. Its methods raise OSError."""

    @property
    def size(self) -> int:
        """The size in bytes."""

    def modified(self) -> float:
        """When the file was stored, in epoch seconds."""

    def open(self, start: int = 0, end: int | None = None) -> RawIOBase:
        """The bytes from `start` on. The caller reads none behind `end`."""


Stored = Path | RemoteStored

_LINE_BYTES = 64 << 10  # read at once to find the end of a line


def open_stored(file: Stored, start: int = 0, end: int | None = None) -> RawIOBase:
    """Open a file at an offset. The caller must not read behind `end`. Raises OSError."""
    if not isinstance(file, Path):
        return file.open(start, end)
    opened = FileIO(file)
    opened.seek(start)
    return opened


def size_of(file: Stored) -> int:
    """The size in bytes. Raises OSError."""
    return os.stat(file).st_size if isinstance(file, Path) else file.size


def modified_at(file: Stored) -> float:
    """When the file was last modified, in epoch seconds. Raises OSError."""
    return os.stat(file).st_mtime if isinstance(file, Path) else file.modified()


def read_at(file: Stored, start: int, size: int) -> bytes:
    """Up to `size` bytes from offset `start`; fewer at the end. Raises OSError."""
    found = b""
    with open_stored(file, start, start + size) as opened:
        while len(found) < size and (piece := opened.read(size - len(found))):
            found += piece  # a remote file is read in pieces
    return found


def next_line_start(file: Stored, at: int, size: int) -> int:
    """The offset after the newline that ends the line of byte `at`, or `size` for the last line."""
    while at < size:
        block = read_at(file, at, _LINE_BYTES)
        newline = block.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        if not block:
            break
        at += len(block)
    return size


class StoredSlice:
    """A part of a stored file, as a stored file. Offsets are relative to its start."""

    def __init__(self, file: Stored, start: int, end: int) -> None:
        self._file, self.start, self._end = file, start, end

    @property
    def is_local(self) -> bool:
        """Whether the file is on a local disk."""
        return isinstance(self._file, Path)

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._end - self.start

    def modified(self) -> float:
        """When the file was stored, in epoch seconds."""
        return modified_at(self._file)

    def open(self, start: int = 0, end: int | None = None) -> RawIOBase:
        """The bytes from `start` on, up to the end of the slice. Raises OSError."""
        return _SliceReader(self._file, self.start, self._end, start)


class _SliceReader(RawIOBase):
    def __init__(self, file: Stored, first: int, end: int, start: int) -> None:
        super().__init__()
        self._inner = open_stored(file, first + start, end)
        self._first, self._left, self._size = first, end - first - start, end - first

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to an offset from the start of the slice."""
        assert whence == io.SEEK_SET
        self._inner.seek(self._first + offset)
        self._left = self._size - offset
        return offset

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Read the next bytes; returns how many."""
        view = memoryview(buffer).cast("B")[: max(self._left, 0)]
        size: int = (self._inner.readinto(view) or 0) if view else 0
        self._left -= size
        return size

    def close(self) -> None:
        """Close the file."""
        self._inner.close()
        super().close()
