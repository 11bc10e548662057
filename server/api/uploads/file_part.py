"""An uploaded file on its way to disk: one batch is written while the next one is collected.

data ──write──▶ collecting ──full──▶ being written, in two threads ─┬─▶ UploadWriter
                   │                                                └─▶ SHA-256
                   └── waits here while the previous batch is still being written
"""

import asyncio
import hashlib
from collections.abc import Callable
from importlib import import_module
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any, Protocol
from weakref import WeakSet
from zlib import crc32

from server.http.blocking import RunBlocking
from server.http.codes import Code
from server.http.problems import too_large
from storage.files.uploads import UploadWriter
from storage.records.ids import new_id
from storage.records.job import Upload

BUFFER_BYTES = 4 * 1024**2
"""Most bytes that a buffer can hold."""
MIN_BATCH_BYTES = 1024**2
"""Smallest size of a batch. With larger batches, the threads wait for each other less often."""
MEMORY_BUDGET_BYTES = 32 * 1024**2
"""Memory for all files that arrive, unless their smallest batches need more. Each file has two
batches in memory."""


class WriteBuffer:
    """Collects bytes in memory of its own, so that a socket can read right into its free space.

        [ bytes of the file ... | may be the delimiter | free ...... ]
        0                       size                   filled        capacity

    The delimiter follows the file in its form. A file without a form has none, b"". The memory is
    mapped, so the kernel allocates it only as it is filled.
    """

    def __init__(self, delimiter: bytes) -> None:
        """The first byte of `delimiter` must not occur in it again."""
        self._delimiter = delimiter
        self._memory = memoryview(mmap(-1, BUFFER_BYTES, MAP_PRIVATE | MAP_ANONYMOUS))
        self._text = _searchable(self._memory)
        self._capacity = self._filled = self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether the buffer has no free space left."""
        return self._filled >= self._capacity

    @property
    def free(self) -> memoryview:
        """The free space. Bytes written there must be passed to `append` next."""
        return self._memory[self._filled : self._capacity]

    def reset(self, capacity: int, first: bytes = b"") -> None:
        """Replace the contents by `first`, and hold at most `capacity` bytes from now on."""
        self._capacity, self.size, self._filled = capacity, 0, len(first)
        self._memory[: len(first)] = first

    def append(self, data: memoryview) -> tuple[memoryview, bool]:
        """Add as many bytes as fit. Returns the others, and whether the file ends in this buffer:
        then `take_rest` begins with the delimiter.

        `data` may be a part of `free`, whose bytes are already in place.
        """
        end = min(self._filled + len(data), self._capacity)
        taken = end - self._filled
        if data.obj is not self._memory.obj:
            self._memory[self._filled : end] = data[:taken]
        self._filled = end
        if not self._delimiter:
            self.size = end
            return data[taken:], False
        found = self._text.find(self._delimiter, self.size, self._filled)
        if found >= 0:
            self.size = found
        else:  # the last bytes may be the beginning of the delimiter
            start = max(self.size, self._filled - len(self._delimiter) + 1)
            last = bytes(self._memory[start : self._filled])
            at = last.rfind(self._delimiter[:1])
            is_partial = at >= 0 and self._delimiter.startswith(last[at:])
            self.size = self._filled - (len(last) - at if is_partial else 0)
        return data[taken:], found >= 0

    def put(self, data: memoryview) -> memoryview:
        """Add bytes of the file that are not searched for the delimiter. Returns the bytes that do
        not fit. `size` must be all bytes until now."""
        taken = min(len(data), self._capacity - self._filled)
        self._memory[self._filled : self._filled + taken] = data[:taken]
        self.size = self._filled = self._filled + taken
        return data[taken:]

    def take_rest(self) -> bytes:
        """Remove and return the bytes after `size`: the delimiter, or what may become one."""
        rest = bytes(self._memory[self.size : self._filled])
        self._filled = self.size
        return rest

    def end(self) -> None:
        """Count all bytes as the file's, since no delimiter follows."""
        self.size = self._filled

    def data(self) -> memoryview:
        """The bytes of the file. They are valid until the next `reset`."""
        return self._memory[: self.size]


def _searchable(memory: memoryview) -> Any:
    """The memory as an object with `find`.

    StringZilla's is four times as fast as Python's, and thirteen times before Python 3.13.
    """
    try:
        return import_module("stringzilla").Str(memory)  # imported with the first upload
    except ImportError:  # it has no wheel for this platform
        return memory.obj


class Digest(Protocol):
    """A hash, as `hashlib` has it."""

    def update(self, data: memoryview, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """The hash of all bytes, in hexadecimal."""


class FilePart:
    """Writes a file to `writer`, which must be open. `finish` or `abort` ends it.

    `delimiter` is the byte sequence that follows the file, b"" if nothing does. `run_blocking` runs
    a function off the event loop. `require_space` raises a Problem if the disk has no space for
    that many more bytes. An error in the writing of a batch is raised by a later call.
    """

    def __init__(
        self,
        writer: UploadWriter,
        delimiter: bytes,
        run_blocking: RunBlocking,
        require_space: Callable[[int], None],
        max_bytes: int,
        digest: Digest | None = None,
        batch_bytes: int | None = None,
    ):
        """`digest` gets all bytes, and gives the SHA-256 of the file; by default, a new one.

        `batch_bytes` is the size of batches, if few bytes may be lost with the listener.
        """
        self._writer = writer
        self._sha256 = hashlib.sha256() if digest is None else digest
        self._batch_bytes = batch_bytes
        self._has_crc = False
        self.crc = 0
        """The CRC-32 of the bytes since the last `put`, after `end`."""
        self._run_blocking = run_blocking
        self._require_space = require_space
        self._max_bytes = max_bytes
        self._collecting, self._spare = WriteBuffer(delimiter), WriteBuffer(delimiter)
        _arriving.add(self)
        self._collecting.reset(batch_bytes or _batch_bytes())
        self._size = 0
        self._writing: asyncio.Future[Any] | None = None

    @property
    def free(self) -> memoryview:
        """Memory for the next bytes. Bytes read into it must be passed to `write` next."""
        return self._collecting.free

    @property
    def size(self) -> int:
        """The number of bytes so far, including bytes that are not written yet."""
        return self._size + self._collecting.size

    async def write(self, data: bytes | memoryview) -> bytes:
        """Add the next bytes. Returns the bytes from the delimiter on, b"" if it has not come yet.

        Raises Problem 413 or 507, and StoreError.
        """
        rest = memoryview(data)
        while rest:
            rest, ended = self._collecting.append(rest)
            self._check_size()
            if ended:
                return self._collecting.take_rest() + bytes(rest)
            if self._collecting.is_full:
                await self._write_batch()
        return b""

    async def put(self, data: bytes) -> None:
        """Add bytes that are the service's own, before or after bytes of the client.

        From now on, `crc` is counted, from 0 on. Raises as `write` does.
        """
        await self.end()
        rest = memoryview(data)
        while rest:
            rest = self._collecting.put(rest)
            await self.end()
        self._has_crc, self.crc = True, 0

    async def end(self) -> None:
        """Write the last batch, and return once all are written. Raises as `write` does."""
        self._collecting.end()
        self._check_size()
        if self._collecting.size:
            await self._write_batch()
        await self._wait_for_batch()

    async def finish(self, name: str) -> Upload:
        """Make the file durable. Call this after `end`. Raises StoreError."""
        _arriving.discard(self)
        digest = self._sha256.hexdigest()
        upload: Upload = await self._run_blocking(lambda: self._writer.finish(name, digest))
        return upload

    async def abort(self) -> None:
        """Remove the file. Waits for the batch that is being written."""
        _arriving.discard(self)
        if self._writing is not None:
            await asyncio.wait([self._writing])
            self._writing.exception()  # retrieved, so that asyncio does not log it
        await self._run_blocking(self._writer.abort)

    def _check_size(self) -> None:
        if self.size > self._max_bytes:
            raise too_large("the file", self._max_bytes, Code.FILE_TOO_LARGE)

    async def _write_batch(self) -> None:
        await self._wait_for_batch()
        self._require_space(self._collecting.size)
        batch, self._collecting = self._collecting, self._spare
        self._spare = batch
        self._size += batch.size
        self._collecting.reset(self._batch_bytes or _batch_bytes(), batch.take_rest())
        self._writing = asyncio.gather(
            self._run_blocking(lambda: self._writer.write(batch.data())),
            self._run_blocking(lambda: self._digest(batch.data())),  # cannot fail
        )

    def _digest(self, data: memoryview) -> None:
        self._sha256.update(data)
        if self._has_crc:
            self.crc = crc32(data, self.crc)

    async def _wait_for_batch(self) -> None:
        """Wait until the batch under way is written. Raises its error."""
        if self._writing is not None:
            await self._writing
            self._writing = None


_arriving: WeakSet[FilePart] = WeakSet()
"""The files that are neither finished nor aborted."""


def _batch_bytes() -> int:
    return max(MIN_BATCH_BYTES, min(BUFFER_BYTES, MEMORY_BUDGET_BYTES // (2 * len(_arriving))))


class DiscardingWriter(UploadWriter):
    """Counts the bytes of a file, and drops them."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Count the bytes."""
        self.size += len(data)

    def finish(self, name: str, sha256: str) -> Upload:
        """Describe the file as if it was stored."""
        return Upload(new_id(), name, self.size, sha256)

    def abort(self) -> None:
        """Do nothing: there is no file."""
