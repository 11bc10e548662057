"""The file to analyze, on a local disk or elsewhere. Imports nothing of ours."""

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
