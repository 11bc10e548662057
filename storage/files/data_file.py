"""Writes the data of one stored file to a local disk. Both uploads and files of jobs use it."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Self

from storage.records.job import PASSING, StoreUnavailable, StoreUnusable

_STEP_BYTES = 64 * 1024
"""Bytes per write call. Larger calls make Linux look for larger pieces of memory; where few are
free, they take two to four times as long (benchmarks.server.uploads)."""
_WRITE_BACK_BYTES = 8 * 1024**2
_SYNC_FILE_RANGE_WRITE = 2
_SYNC_FILE_RANGE_AND_WAIT = 1 | 2 | 4
_libc = ctypes.CDLL(None)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


class DataFile:
    """A file that is open for writing, with `size` bytes so far."""

    def __init__(self, file: FileIO, size: int = 0):
        """`file` is at its end."""
        self._file = file
        self.size = self._written_back = size

    @classmethod
    def new(cls, path: Path) -> Self:
        """Create a file. Raises OSError, also if it exists."""
        return cls(path.open("xb", buffering=0))

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file. Raises OSError."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest[:_STEP_BYTES]) :]
        self.size += len(data)
        new = self.size - self._written_back
        if new >= _WRITE_BACK_BYTES:  # a hint that makes the fsync at the end short
            self._write_back(_SYNC_FILE_RANGE_WRITE)

    def write_out(self, at_least: int = 1) -> None:
        """Have the disk write the new data now if there are so many bytes, and wait until it has,
        so that no sync has much to write at once. `sync` is still needed to make it durable."""
        if self.size - self._written_back >= at_least:
            self._write_back(_SYNC_FILE_RANGE_AND_WAIT)

    def _write_back(self, flags: int) -> None:
        new = self.size - self._written_back
        _libc.sync_file_range(self.fileno(), self._written_back, new, flags)
        self._written_back = self.size

    def sync(self) -> None:
        """Make the data durable. The name is not, see `disk.sync_folder`. Raises OSError."""
        os.fsync(self.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextlib.contextmanager
def translate_errors(what: str, but: type[OSError] | None = None) -> Iterator[None]:
    """Turn an OSError within the block into an error of the store, except for one of `but`.

    Raises StoreFull, StoreUnusable if something else stands in the place of a file or folder, and
    otherwise StoreUnavailable. `what` names the files in the message.
    """
    try:
        yield
    except OSError as error:
        if but is not None and isinstance(error, but):
            raise
        kind = PASSING.get(error.errno or 0, StoreUnavailable)
        if isinstance(error, FileExistsError | NotADirectoryError):
            kind = StoreUnusable
        raise kind(f"{what}: {error.strerror}") from error
