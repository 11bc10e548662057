"""Receives a body that is a file as a whole, without a form around it."""

import asyncio
from collections.abc import Awaitable, Callable

from server.api.uploads.file_part import FilePart
from server.http.body import Body
from storage.records.job import Upload


class FileBody(Body):
    """A file that is being received.

    `open_file` is called when its first bytes arrive, with the bytes that end it: none. It may
    raise a Problem. `offer_buffer` is called with memory into which the next bytes may be read, to
    be passed to `write` without a copy. `name` is the client's name for the file.
    """

    def __init__(
        self,
        name: str,
        open_file: Callable[[bytes], Awaitable[FilePart]],
        offer_buffer: Callable[[memoryview], None],
    ):
        self._name = name
        self._open_file = open_file
        self._offer_buffer = offer_buffer
        self._file: FilePart | None = None
        self._lock = asyncio.Lock()

    async def write(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes. Raises Problem 413 or 507, and StoreError."""
        async with self._lock:
            file = await self._opened()
            await file.write(chunk)
            self._offer_buffer(file.free)

    async def finish(self) -> Upload:
        """Make the complete file durable; it may be empty. Raises as `write` does."""
        async with self._lock:
            file = await self._opened()
            await file.end()
            return await file.finish(self._name)

    async def abort(self) -> None:
        """Remove the file. Waits for a write that is under way."""
        async with self._lock:
            if self._file is not None:
                await self._file.abort()

    async def _opened(self) -> FilePart:
        if self._file is None:
            self._file = await self._open_file(b"")
        return self._file
