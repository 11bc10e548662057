"""A part of a stored file, such as a member of an archive that is not compressed."""

import io
from io import RawIOBase
from pathlib import Path

from loganalysis.read.stored import Stored, modified_at, open_stored


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
