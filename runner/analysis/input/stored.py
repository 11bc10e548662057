"""The file that is to be analyzed: on a disk, or elsewhere. Imports nothing of ours."""

import os
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Protocol


class RemoteStored(Protocol):
    """A file that is not on a disk of this machine; what it raises is an OSError."""

    @property
    def size(self) -> int:
        """In bytes."""

    def modified(self) -> float:
        """When it was stored, in seconds since 1970."""

    def open(self, start: int = 0, end: int | None = None) -> RawIOBase:
        """Its bytes from `start` on; none behind `end` will be asked for."""


Stored = Path | RemoteStored


def open_stored(file: Stored, start: int = 0, end: int | None = None) -> RawIOBase:
    """The bytes of a file from an offset on; none behind `end` may be asked for. Raises OSError."""
    if not isinstance(file, Path):
        return file.open(start, end)
    opened = FileIO(file)
    opened.seek(start)
    return opened


def size_of(file: Stored) -> int:
    """In bytes. Raises OSError."""
    return os.stat(file).st_size if isinstance(file, Path) else file.size


def modified_at(file: Stored) -> float:
    """Seconds since 1970. Raises OSError."""
    return os.stat(file).st_mtime if isinstance(file, Path) else file.modified()


def descriptor_of(opened: RawIOBase) -> int | None:
    """That of an open file; None if it is not on a disk."""
    return opened.fileno() if isinstance(opened, FileIO) else None


def read_at(file: Stored, start: int, size: int) -> bytes:
    """Some bytes, fewer at the end. Raises OSError."""
    with open_stored(file, start, start + size) as opened:
        return opened.read(size) or b""
