"""A multipart form that holds a job: its file goes to disk as it arrives, the rest to memory."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from server.problems import FieldError, malformed, too_large, unacceptable
from server.submission import FILE_PART, Submission
from storage.job import Upload
from storage.uploads import Uploads, UploadWriter

BUFFER_BYTES = 1024**2
MAX_PARTS = 32
MAX_NAME = 255
_FIELDS = frozenset(Submission.model_fields)


class FormBody:
    """A form on its way in. `blocking` runs what touches the disk off the event loop.

    Keeps at most `max_field` bytes for each text part and BUFFER_BYTES of the file in memory.
    """

    def __init__(
        self,
        boundary: str,
        uploads: Uploads,
        blocking: Callable[[Callable[[], Any]], Awaitable[Any]],
        max_field: int,
        max_file: int,
    ):
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        except MultipartError as error:
            raise malformed(f"the form is malformed: {error}") from None
        self._uploads = uploads
        self._blocking = blocking
        self._max_field = max_field
        self._max_file = max_file
        self._part: MultipartSegment | None = None
        self._buffer = bytearray()
        self._writer: UploadWriter | None = None
        self._busy = asyncio.Lock()
        self.fields: dict[str, bytes] = {}
        self.file_name: str | None = None

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes. Raises Problem 400, 413 or 422, and StoreError."""
        async with self._busy:
            try:
                for event in self._parser.parse(chunk):
                    await self._take(event)
            except MultipartError as error:
                raise malformed(f"the form is malformed: {error}") from None

    def require_whole(self) -> None:
        """Raise Problem 400 if the form ended too early."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise malformed(f"the form is malformed: {error}") from None

    async def finish(self) -> Upload | None:
        """Make the file of a whole form durable, if there is one. Raises StoreError."""
        writer, name = self._writer, self.file_name
        if writer is None or name is None:
            return None
        return await self._blocking(lambda: writer.finish(name))  # type: ignore[no-any-return]

    async def abort(self) -> None:
        """Leave nothing behind; waits for a write that is under way."""
        async with self._busy:
            if self._writer is not None:
                await self._blocking(self._writer.abort)

    async def _take(self, event: Any) -> None:
        if isinstance(event, MultipartSegment):
            await self._begin(event)
        elif event is not None:
            await self._more(event)
        else:
            await self._end()

    async def _begin(self, part: MultipartSegment) -> None:
        self._part, name = part, part.name or ""
        self._buffer = bytearray()
        if name == FILE_PART:
            await self._begin_file(part)
        elif name not in _FIELDS:
            known = ", ".join([*Submission.model_fields, FILE_PART])
            raise unacceptable([FieldError(name[:100], f"unknown form field; known are {known}")])
        elif name in self.fields:
            raise unacceptable([FieldError(name, "given twice")])

    async def _begin_file(self, part: MultipartSegment) -> None:
        if part.filename is None:
            raise unacceptable([FieldError(FILE_PART, "it must be a file, with a file name")])
        if self._writer is not None:
            raise unacceptable([FieldError(FILE_PART, "given twice; a job takes one file")])
        self.file_name = label(part.filename)
        self._writer = await self._blocking(self._uploads.writer)

    async def _more(self, data: bytes) -> None:
        self._buffer += data
        if self._in_file():
            if len(self._buffer) >= BUFFER_BYTES:
                await self._flush()
        elif len(self._buffer) > self._max_field:
            assert self._part is not None
            raise too_large(f"the form field {self._part.name}", self._max_field)

    async def _end(self) -> None:
        if self._in_file():
            await self._flush()
        elif self._part is not None and self._part.name:
            self.fields[self._part.name] = bytes(self._buffer)
        self._buffer = bytearray()

    async def _flush(self) -> None:
        writer, data = self._writer, bytes(self._buffer)
        self._buffer = bytearray()
        if writer is not None and data:
            if writer.size + len(data) > self._max_file:
                raise too_large("the file", self._max_file)
            await self._blocking(lambda: writer.write(data))

    def _in_file(self) -> bool:
        return self._part is not None and self._part.name == FILE_PART


def label(name: str) -> str:
    """What a client calls its file, fit for lists and logs; never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    return shown.strip()[:MAX_NAME] or "unnamed"
