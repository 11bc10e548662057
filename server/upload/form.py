"""Parses the multipart form of a submission while it arrives: its file goes to disk, the rest to
memory.
"""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from server.documents.submission import FILE_PART, Submission
from server.http.codes import Code
from server.http.problems import FieldError, Problem, too_large, unacceptable
from server.upload.file_part import FilePart
from storage.files.uploads import Uploads
from storage.records.job import Upload

MAX_PARTS = 32
MAX_NAME_LENGTH = 255
OVERHEAD_BYTES = 64 * 1024
"""Bytes allowed around the parts: their headers, and the delimiters."""
_HIDDEN = frozenset(["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"])
"""Unicode categories of invisible characters, direction marks and line ends."""
_FIELDS = frozenset(Submission.model_fields)


class FormBody:
    """A form that is being received.

    `run_blocking` runs a function off the event loop. `require_space` raises a Problem if the disk
    has no space for that many more bytes. `offer_buffer` is called with memory into which the next
    bytes of the file may be read, to be passed to `write` without a copy. Each text part may have
    `max_field_bytes`, and is kept in memory.
    """

    def __init__(
        self,
        boundary: str,
        uploads: Uploads,
        run_blocking: Callable[[Callable[[], Any]], Awaitable[Any]],
        require_space: Callable[[int], None],
        max_field_bytes: int,
        max_file_bytes: int,
        offer_buffer: Callable[[memoryview], None] = lambda buffer: None,
    ):
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        except MultipartError as error:
            raise _malformed(error) from None
        self._uploads = uploads
        self._run_blocking = run_blocking
        self._require_space = require_space
        self._max_field_bytes = max_field_bytes
        self._max_file_bytes = max_file_bytes
        self._offer_buffer = offer_buffer
        self._delimiter = b"\r\n--" + self._parser.boundary
        self._last = b""  # the last parsed bytes, one more than the delimiter has
        self._max_total = max_file_bytes + len(_FIELDS) * max_field_bytes + OVERHEAD_BYTES
        self._total = 0
        self._part: MultipartSegment | None = None
        self._buffer = bytearray()
        self._file: FilePart | None = None
        self._lock = asyncio.Lock()
        self.fields: dict[str, bytes] = {}
        self.file_name: str | None = None

    async def write(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes. Raises Problem 400, 413, 422 or 507, and StoreError."""
        self._total += len(chunk)
        if self._total > self._max_total:  # for example, a long preamble
            raise too_large("the form", self._max_total)
        async with self._lock:
            if file := self._file_without_parser():
                chunk = await file.write(chunk)
            if chunk:
                await self._parse(bytes(chunk))
            if file := self._file_without_parser():
                self._offer_buffer(file.free)

    def require_whole(self) -> None:
        """Raise Problem 400 if the form is not complete."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise _malformed(error) from None

    async def finish(self) -> Upload | None:
        """Make the file of a complete form durable, if it has one. Raises StoreError."""
        if self._file is None or self.file_name is None:
            return None
        return await self._file.finish(self.file_name)

    async def abort(self) -> None:
        """Remove the file. Waits for a write that is under way."""
        async with self._lock:
            if self._file is not None:
                await self._file.abort()

    async def _parse(self, chunk: bytes) -> None:
        self._last = (self._last + chunk)[-len(self._delimiter) - 1 :]
        try:
            for event in self._parser.parse(chunk):
                await self._handle_event(event)
        except MultipartError as error:
            raise _malformed(error) from None

    def _file_without_parser(self) -> FilePart | None:
        """The file, if its bytes need no parsing until the next delimiter.

        They do need it while the parser holds back bytes: the beginning of a delimiter, or a whole
        one, if what follows it is not known yet.
        """
        at = self._last.rfind(b"\r")
        kept = self._last[at:]
        may_end = self._delimiter.startswith(kept) or kept.startswith(self._delimiter)
        return None if at >= 0 and may_end else self._current_file()

    async def _handle_event(self, event: Any) -> None:
        if isinstance(event, MultipartSegment):
            await self._begin_part(event)
        elif event is not None:
            await self._add_data(event)
        else:
            await self._end_part()

    async def _begin_part(self, part: MultipartSegment) -> None:
        self._part, name = part, part.name or ""
        self._buffer = bytearray()
        if name == FILE_PART:
            await self._begin_file(part)
        elif name not in _FIELDS:
            known = ", ".join([*Submission.model_fields, FILE_PART])
            raise unacceptable(
                [FieldError(name[:100], f"unknown form field; the known ones are {known}")]
            )
        elif name in self.fields:
            raise unacceptable([FieldError(name, "given twice")])

    async def _begin_file(self, part: MultipartSegment) -> None:
        if part.filename is None:
            raise unacceptable([FieldError(FILE_PART, "it must be a file, with a file name")])
        if self._file is not None:
            raise unacceptable([FieldError(FILE_PART, "given twice; a job takes one file")])
        self.file_name = display_name(part.filename)
        writer = await self._run_blocking(self._uploads.writer)
        self._file = FilePart(
            writer, self._delimiter, self._run_blocking, self._require_space, self._max_file_bytes
        )

    async def _add_data(self, data: bytes) -> None:
        if file := self._current_file():
            await file.write(data)
            return
        self._buffer += data
        if len(self._buffer) > self._max_field_bytes:
            assert self._part is not None
            raise too_large(f"the form field {self._part.name}", self._max_field_bytes)

    async def _end_part(self) -> None:
        if file := self._current_file():
            await file.end()
        elif self._part is not None and self._part.name:
            self.fields[self._part.name] = bytes(self._buffer)
        self._part, self._buffer = None, bytearray()

    def _current_file(self) -> FilePart | None:
        """The file, if the part that arrives now is the file."""
        return self._file if self._part is not None and self._part.name == FILE_PART else None


def _malformed(error: MultipartError) -> Problem:
    """400 with the parser's message. Its second argument, the cause, is not for clients."""
    return Problem(Code.MALFORMED_FORM, f"the form is malformed: {error.args[0]}")


def display_name(name: str) -> str:
    """The client's name for its file, made safe for lists and logs. It is never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in _HIDDEN)
    shown = shown.strip()[:MAX_NAME_LENGTH]
    return shown if shown.strip(". ") else "unnamed"
