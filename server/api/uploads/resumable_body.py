"""Receives a request that appends bytes to a resumable upload."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from server.api.uploads.file_part import Digest, FilePart
from server.http.body import Body
from server.http.codes import Code
from server.http.problems import FieldError, Problem, unacceptable
from storage.records.job import StoreError

BATCH_BYTES = 128 * 1024
"""Size of the pieces that are written to disk. A listener that is killed loses at most two."""
CHECKSUM_HEADER = "Upload-Checksum"
_EXAMPLE = "sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
CHECKSUMS = ("sha1", "sha256")


@dataclass
class Checksum:
    """The hash that the client announced for the body, and the hash of what has arrived."""

    name: str
    expected: bytes
    found: Any = field(init=False)

    def __post_init__(self) -> None:
        self.found = hashlib.new(self.name, usedforsecurity=False)

    def require(self) -> None:
        """Raise Problem 460 unless both are equal."""
        if self.found.digest() != self.expected:
            shown = base64.b64encode(self.found.digest()).decode()
            detail = f"the bytes of this request have the {self.name} {shown}; none was stored"
            raise Problem(Code.CHECKSUM_MISMATCH, detail)


def parse_checksum(header: str | None) -> Checksum | None:
    """Parse `Upload-Checksum`; None without one. Raises Problem 422."""
    if header is None:
        return None
    name, _, encoded = header.partition(" ")
    try:
        expected = base64.b64decode(encoded.strip(), validate=True)
        if name in CHECKSUMS and len(expected) == hashlib.new(name).digest_size:
            return Checksum(name, expected)
    except (binascii.Error, ValueError):
        pass
    known = " or ".join(CHECKSUMS)
    detail = f"it must be {known}, a space and the hash in Base64, for example {_EXAMPLE}"
    raise unacceptable([FieldError(CHECKSUM_HEADER, detail)])


class Digests:
    """Several hashes of the same bytes."""

    def __init__(self, *digests: Digest):
        self._digests = digests

    def update(self, data: memoryview) -> None:
        """Add bytes to all hashes."""
        for each in self._digests:
            each.update(data)

    def hexdigest(self) -> str:
        """The first hash in hexadecimal, an empty text without one."""
        return self._digests[0].hexdigest() if self._digests else ""


class ResumableBody(Body):
    """Bytes that are appended to a resumable upload.

    `open_file` is called when the first bytes arrive; it may raise a Problem. `discard` removes
    the appended bytes again, in a thread. If the connection breaks, the bytes that have arrived
    are kept, unless they have a checksum.
    """

    def __init__(
        self,
        open_file: Callable[[], Awaitable[FilePart]],
        discard: Callable[[], Awaitable[None]],
        offer_buffer: Callable[[memoryview], None],
        checksum: Checksum | None = None,
    ):
        self._open_file = open_file
        self._discard = discard
        self._offer_buffer = offer_buffer
        self._checksum = checksum
        self._file: FilePart | None = None
        self._has_ended = False
        self._interruption: Problem | None = None
        self._lock = asyncio.Lock()

    async def write(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes. Raises Problem 404, 409, 413, 423 or 507, and StoreError."""
        async with self._lock:
            file = await self._opened()
            await file.write(chunk)
            self._offer_buffer(file.free)

    async def finish(self) -> int:
        """Make all bytes durable; returns how many arrived. Raises as `write`, and Problem 460."""
        async with self._lock:
            file = await self._opened()
            await file.end()
            if self._checksum is not None:
                try:
                    self._checksum.require()
                except Problem:
                    self._has_ended = True
                    await self._discard()
                    raise
            self._has_ended = True
            return (await file.finish("")).size

    async def interrupt(self, problem: Problem) -> None:
        """End as `abort` does, and answer the request with a problem."""
        self._interruption = problem
        await self.abort()

    async def abort(self) -> None:
        """End, and keep what has arrived. Waits for a write that is under way."""
        async with self._lock:
            if not self._has_ended:
                self._has_ended = True
                if self._file is not None:
                    if self._checksum is None:
                        with suppress(Problem, StoreError):  # then fewer bytes are kept
                            await self._file.end()
                    await self._file.abort()

    async def _opened(self) -> FilePart:
        if self._has_ended:
            raise self._interruption or Problem(
                Code.UPLOAD_BUSY, "this request has ended", headers={"Retry-After": "1"}
            )
        if self._file is None:
            self._file = await self._open_file()
        return self._file
