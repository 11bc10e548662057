"""The file of a form on its way to disk: one batch is written and hashed while the next gathers.

data ──put──▶ gathering ──full──▶ under way, in two threads ─┬─▶ UploadWriter
                  │                                          └─▶ SHA-256
                  └── waits here while the batch before it is still under way
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet

from server.http.problems import too_large
from server.upload.buffer import MOST_BYTES, WriteBuffer
from storage.files.uploads import UploadWriter
from storage.records.job import Upload

LEAST_BYTES = 1024**2
"""Of a batch. A file has two in memory; large ones have threads wait for each other less often."""

MEMORY_BYTES = 32 * 1024**2
"""For all files that arrive, as long as the least batches do not take more."""


class FilePart:
    """Begins with an open `writer`; ends by `finish` or `abort`. The `delimiter` comes behind it.

    `blocking` runs what touches the disk off the event loop; `admit` raises a Problem if there is
    no room for so many bytes more. What goes wrong with a batch is raised by a later call.
    """

    def __init__(
        self,
        writer: UploadWriter,
        delimiter: bytes,
        blocking: Callable[[Callable[[], Any]], Awaitable[Any]],
        admit: Callable[[int], None],
        max_bytes: int,
    ):
        self._writer = writer
        self._sha256 = hashlib.sha256()
        self._blocking = blocking
        self._admit = admit
        self._max_bytes = max_bytes
        self._gathering, self._spare = WriteBuffer(delimiter), WriteBuffer(delimiter)
        _arriving.add(self)
        self._gathering.begin(_batch_bytes())
        self._size = 0
        self._under_way: asyncio.Future[Any] | None = None

    @property
    def room(self) -> memoryview:
        """Where the next bytes may be before they are put; not if anything else is put first."""
        return self._gathering.room

    async def put(self, data: bytes | memoryview) -> bytes:
        """Take the next bytes; what is left of them from the delimiter on, if that has come.

        Raises Problem 413 or 507, and StoreError.
        """
        rest = memoryview(data)
        while rest:
            rest = self._gathering.take(rest)
            ended = self._gathering.find_end()
            self._require_bounds()
            if ended:
                return self._gathering.cut_off() + bytes(rest)
            if self._gathering.is_full:
                await self._write_batch()
        return b""

    async def end(self) -> None:
        """No more bytes will come: return once all are written. Raises like `put`."""
        self._gathering.end()
        self._require_bounds()
        if self._gathering.size:
            await self._write_batch()
        await self._written()

    async def finish(self, name: str) -> Upload:
        """Make the file durable, once it has ended. Raises StoreError."""
        _arriving.discard(self)
        digest = self._sha256.hexdigest()
        upload: Upload = await self._blocking(lambda: self._writer.finish(name, digest))
        return upload

    async def abort(self) -> None:
        """Leave nothing behind; waits for a batch that is under way."""
        _arriving.discard(self)
        if self._under_way is not None:
            await asyncio.wait([self._under_way])
            self._under_way.exception()  # why the file is given up, or of no interest any more
        await self._blocking(self._writer.abort)

    def _require_bounds(self) -> None:
        if self._size + self._gathering.size > self._max_bytes:
            raise too_large("the file", self._max_bytes)

    async def _write_batch(self) -> None:
        await self._written()
        self._admit(self._gathering.size)
        batch, self._gathering = self._gathering, self._spare
        self._spare = batch
        self._size += batch.size
        self._gathering.begin(_batch_bytes(), batch.cut_off())
        self._under_way = asyncio.gather(
            self._blocking(lambda: self._writer.write(batch.data())),
            self._blocking(lambda: self._sha256.update(batch.data())),  # which cannot fail
        )

    async def _written(self) -> None:
        """Wait for the batch that is under way. Raises what it met."""
        if self._under_way is not None:
            await self._under_way
            self._under_way = None


_arriving: WeakSet[FilePart] = WeakSet()
"""All that have not ended."""


def _batch_bytes() -> int:
    return max(LEAST_BYTES, min(MOST_BYTES, MEMORY_BYTES // (2 * len(_arriving))))
