"""The file of a form on its way to disk: one batch is written and hashed while the next gathers.

data ──put──▶ gathering ──full──▶ under way, in two threads ─┬─▶ UploadWriter
                  │                                          └─▶ SHA-256
                  └── waits here while the batch before it is still under way
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any
from weakref import WeakSet

from server.problems import too_large
from storage.job import Upload
from storage.uploads import UploadWriter

MOST_BYTES, LEAST_BYTES = 4 * 1024**2, 1024**2
"""Of a batch. A file has two in memory; large ones have threads wait for each other less often."""

MEMORY_BYTES = 32 * 1024**2
"""For all files that arrive, as long as the least batches do not take more."""


class Batch:
    """Bytes gathered in a place of their own: the memory of what Tornado gave is free at once, and
    used again while caches have it. The system gives memory of a batch as it is first filled."""

    def __init__(self) -> None:
        self._memory = memoryview(mmap(-1, MOST_BYTES, MAP_PRIVATE | MAP_ANONYMOUS))
        self._most = self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether it is to be written."""
        return self.size >= self._most

    def begin(self, most: int) -> None:
        """Hold nothing, and from now on so many bytes at most."""
        self._most, self.size = most, 0

    def take(self, data: memoryview) -> memoryview:
        """Copy what there is room for; the rest of `data`."""
        end = min(self.size + len(data), self._most)
        taken = end - self.size
        self._memory[self.size : end] = data[:taken]
        self.size = end
        return data[taken:]

    def data(self) -> memoryview:
        """What it holds, until it is filled anew."""
        return self._memory[: self.size]


class FilePart:
    """Begins with an open `writer`; ends by `finish` or `abort`.

    `blocking` runs what touches the disk off the event loop; `admit` raises a Problem if there is
    no room for so many bytes more. What goes wrong with a batch is raised by a later call.
    """

    def __init__(
        self,
        writer: UploadWriter,
        blocking: Callable[[Callable[[], Any]], Awaitable[Any]],
        admit: Callable[[int], None],
        max_bytes: int,
    ):
        self._writer = writer
        self._sha256 = hashlib.sha256()
        self._blocking = blocking
        self._admit = admit
        self._max_bytes = max_bytes
        self._gathering, self._spare = Batch(), Batch()
        _arriving.add(self)
        self._gathering.begin(_batch_bytes())
        self._size = 0
        self._under_way: asyncio.Future[Any] | None = None

    async def put(self, data: bytes) -> None:
        """Take the next bytes. Raises Problem 413 or 507, and StoreError."""
        self._size += len(data)
        if self._size > self._max_bytes:
            raise too_large("the file", self._max_bytes)
        rest = memoryview(data)
        while rest:
            rest = self._gathering.take(rest)
            if self._gathering.is_full:
                await self._write_batch()

    async def end(self) -> None:
        """No more bytes will come: return once all are written. Raises like `put`."""
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

    async def _write_batch(self) -> None:
        await self._written()
        self._admit(self._gathering.size)
        batch, self._gathering = self._gathering, self._spare
        self._spare = batch
        self._gathering.begin(_batch_bytes())
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
