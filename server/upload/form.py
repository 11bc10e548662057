"""A multipart form that holds a job: its file goes to disk as it arrives, the rest to memory."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from server.documents.submission import FILE_PART, Submission
from server.http.problems import FieldError, Problem, malformed, too_large, unacceptable
from server.upload.file_part import FilePart
from storage.files.uploads import Uploads
from storage.records.job import Upload

MAX_PARTS = 32
MAX_NAME = 255
SLACK_BYTES = 64 * 1024
"""For what stands between the parts."""
_HIDDEN = frozenset(["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"])
"""Categories of characters that are not seen, turn the direction of text, or end a line."""
_FIELDS = frozenset(Submission.model_fields)


class FormBody:
    """A form on its way in. `blocking` runs what touches the disk off the event loop; `admit`
    raises a Problem if there is no room for so many bytes more. What comes next of a file may be
    read right into the room that is offered.

    Keeps at most `max_field` bytes of each text part in memory, and of the file what FilePart does.
    """

    def __init__(
        self,
        boundary: str,
        uploads: Uploads,
        blocking: Callable[[Callable[[], Any]], Awaitable[Any]],
        admit: Callable[[int], None],
        max_field: int,
        max_file: int,
        offer: Callable[[memoryview], None] = lambda room: None,
    ):
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        except MultipartError as error:
            raise _malformed(error) from None
        self._uploads = uploads
        self._blocking = blocking
        self._admit = admit
        self._max_field = max_field
        self._max_file = max_file
        self._offer = offer
        self._delimiter = b"\r\n--" + self._parser.boundary
        self._last = b""  # of what was parsed
        self._max_total = max_file + len(_FIELDS) * max_field + SLACK_BYTES
        self._total = 0
        self._part: MultipartSegment | None = None
        self._buffer = bytearray()
        self._file: FilePart | None = None
        self._busy = asyncio.Lock()
        self.fields: dict[str, bytes] = {}
        self.file_name: str | None = None

    async def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes. Raises Problem 400, 413, 422 or 507, and StoreError."""
        self._total += len(chunk)
        if self._total > self._max_total:  # say of what stands before and behind the parts
            raise too_large("the form", self._max_total)
        async with self._busy:
            if file := self._in_file_alone():
                chunk = await file.put(chunk)
            if chunk:
                await self._parse(bytes(chunk))
            if file := self._in_file_alone():
                self._offer(file.room)

    def require_whole(self) -> None:
        """Raise Problem 400 if the form ended too early."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise _malformed(error) from None

    async def finish(self) -> Upload | None:
        """Make the file of a whole form durable, if there is one. Raises StoreError."""
        if self._file is None or self.file_name is None:
            return None
        return await self._file.finish(self.file_name)

    async def abort(self) -> None:
        """Leave nothing behind; waits for what is under way."""
        async with self._busy:
            if self._file is not None:
                await self._file.abort()

    async def _parse(self, chunk: bytes) -> None:
        self._last = (self._last + chunk)[-len(self._delimiter) - 1 :]
        try:
            for event in self._parser.parse(chunk):
                await self._take(event)
        except MultipartError as error:
            raise _malformed(error) from None

    def _in_file_alone(self) -> FilePart | None:
        """The file, if nothing but it comes until its delimiter: then nobody has to parse it. The
        parser may have kept the beginning of one, or one of which it is not known what follows."""
        at = self._last.rfind(b"\r")
        kept = self._last[at:]
        may_end = self._delimiter.startswith(kept) or kept.startswith(self._delimiter)
        return None if at >= 0 and may_end else self._in_file()

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
        if self._file is not None:
            raise unacceptable([FieldError(FILE_PART, "given twice; a job takes one file")])
        self.file_name = label(part.filename)
        writer = await self._blocking(self._uploads.writer)
        delimiter, blocking = self._delimiter, self._blocking
        self._file = FilePart(writer, delimiter, blocking, self._admit, self._max_file)

    async def _more(self, data: bytes) -> None:
        if file := self._in_file():
            await file.put(data)
            return
        self._buffer += data
        if len(self._buffer) > self._max_field:
            assert self._part is not None
            raise too_large(f"the form field {self._part.name}", self._max_field)

    async def _end(self) -> None:
        if file := self._in_file():
            await file.end()
        elif self._part is not None and self._part.name:
            self.fields[self._part.name] = bytes(self._buffer)
        self._part, self._buffer = None, bytearray()

    def _in_file(self) -> FilePart | None:
        """The file, if it is what arrives now."""
        return self._file if self._part is not None and self._part.name == FILE_PART else None


def _malformed(error: MultipartError) -> Problem:
    """What is wrong; a second argument is the error behind it, in words that are no client's."""
    return malformed(f"the form is malformed: {error.args[0]}")


def label(name: str) -> str:
    """What a client calls its file, fit for lists and logs; never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in _HIDDEN)
    shown = shown.strip()[:MAX_NAME]
    return shown if shown.strip(". ") else "unnamed"
