"""Cuts rows into chunks, and stores chunks that a place does not have yet.

Where rows are cut depends on the rows themselves, as in rsync and restic. So a row that is added or
deleted changes its own chunk, and the chunks behind it stay as they are.
"""

import hashlib
import threading
import zlib
from collections.abc import Iterable, Iterator

from admin.backup.destinations.compression import compress
from admin.backup.destinations.destination import BackupPlace, chunk_name, file_name

MIN_BYTES, MAX_BYTES = 64 * 1024, 1024**2
"""The size of a chunk of rows, except for the last one, and for one with a very large row."""
_CUT_MASK = 0xFF
"""From MIN_BYTES on, each row ends the chunk with a chance of 1 to 256."""


def cut(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the rows, joined to chunks."""
    pending: list[bytes] = []
    size = 0
    for row in rows:
        pending.append(row)
        size += len(row)
        if size >= MAX_BYTES or (size >= MIN_BYTES and not zlib.crc32(row) & _CUT_MASK):
            yield b"".join(pending)
            pending, size = [], 0
    if pending:
        yield b"".join(pending)


class Stored:
    """The chunks and files of a place, and how much was added to them. Used by several threads."""

    def __init__(self, place: BackupPlace):
        self.place = place
        self._names = place.contents()
        self._lock = threading.Lock()
        self.added_bytes = 0
        """Bytes that were written to the place."""

    def chunk(self, data: bytes) -> str:
        """Store a chunk unless the place has it; return its hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self.begin(name := chunk_name(sha256)):
            self.write(name, compress(data))
        self.place.pace.rest()
        return sha256

    def has_file(self, sha256: str) -> bool:
        """Return whether the place has a file."""
        return file_name(sha256) in self._names

    def begin(self, name: str) -> bool:
        """Return True to the first caller with a name that the place does not have."""
        with self._lock:
            is_new = name not in self._names
            self._names.add(name)
        return is_new

    def write(self, name: str, data: Iterable[bytes]) -> None:
        """Write a chunk or a file. An error that `data` raises leaves nothing."""
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for some in data:
                size += len(some)
                yield some

        try:
            self.place.write(name, counted())
        except BaseException:
            with self._lock:
                self._names.discard(name)
            raise
        with self._lock:
            self.added_bytes += size
