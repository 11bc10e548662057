"""Parses the multipart form of a submission while it arrives: its file goes to disk, the rest to
memory (RFC 7578, RFC 8187).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_to_bytes

from multipart import (
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    content_disposition_unquote,
)

from server.api.uploads.file_part import FilePart
from server.api.uploads.zip_records import ZipRecords
from server.documents.field_errors import unknown_name
from server.documents.file_queries import display_name
from server.documents.submission import Submission
from server.http.body import Body
from server.http.codes import Code
from server.http.problems import BODY, FieldError, Problem, too_large, unacceptable
from server.jobs.validation.received import FILE_PART, FILE_PARTS, FILES_PART
from storage.records.job import Upload

_MAX_FILES = 1000
_MAX_SHOWN = 200


class FilesArchive:
    """Stores several files as one: a zip archive that is written while they arrive.

    part "files" ──▶ local header, the file as it is, its size ──▶ FilePart
    end of the form ──▶ central directory ───────────────────────▶ FilePart
    """

    def __init__(self, file: FilePart) -> None:
        self._file = file
        self._records = ZipRecords()

    @property
    def count(self) -> int:
        """The number of files so far."""
        return self._records.count

    @property
    def name(self) -> str:
        """A name for the archive: the name of the first file, and the number of the others."""
        first, more = self._records.names[0][:_MAX_SHOWN], self.count - 1
        return f"{first} and {more} more.zip" if more else f"{first}.zip"

    async def begin(self, name: str) -> None:
        """Begin a file, whose data is written next. Raises Problem 413 or 507, and StoreError."""
        await self._file.put(self._records.begin(name))

    async def end(self) -> None:
        """End the file that was begun. Raises as `begin` does."""
        await self._file.end()
        size = self._file.size - self._records.size
        await self._file.put(self._records.end(size, self._file.crc))

    async def finish(self) -> None:
        """Write the directory after the last file. Raises as `begin` does."""
        await self._file.put(self._records.directory())


MAX_PARTS = 32 + _MAX_FILES
OVERHEAD_BYTES = 64 * 1024
"""Bytes allowed around the parts: their headers, and the delimiters."""
_FILE_OVERHEAD_BYTES = 1024
"""As many more for each of several files."""
_FIELDS = frozenset(Submission.model_fields)
_PLAIN = {
    "Empty boundary": "its Content-Type has no boundary",
    "Unexpected end of multipart stream (parser closed)": "it ends before its last boundary",
    "Maximum segment count exceeded": f"it has more than {MAX_PARTS} parts",
}
"""Messages of the parser, in the words of the documentation. Others are plain enough."""
HEAD_CHARSET = "latin-1"
"""Keeps every byte of the heads of parts. Most clients send UTF-8."""
_CHARSETS = ("utf-8", "iso-8859-1")
"""The encodings that RFC 8187 names for `filename*`."""
_PARAMETER = re.compile(r';\s*([^=;\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
"""A parameter of a header: its name and its value, which may be in quotes."""


class FormBody(Body):
    """A form that is being received.

    Each text part may have `max_field_bytes`, and is kept in memory. `open_file` is called when a
    file begins, with the bytes that end it; it may raise a Problem. `offer_buffer` is called with
    memory into which the next bytes of the file may be read, to be passed to `write` without a
    copy.

    fields: the text parts that have arrived whole, by their names.
    errors: the parts that are not acceptable; their contents are dropped.
    file_part, file_name: the names of the file's part and of the file, None if none has begun.

    Several files, each in a part named `files`, become one file: a zip archive.
    """

    def __init__(
        self,
        boundary: str,
        max_field_bytes: int,
        max_file_bytes: int,
        open_file: Callable[[bytes], Awaitable[FilePart]],
        offer_buffer: Callable[[memoryview], None],
    ):
        try:
            self._parser = PushMultipartParser(
                boundary, max_segment_count=MAX_PARTS, header_charset=HEAD_CHARSET
            )
        except MultipartError as error:
            raise _malformed(error) from None
        self._max_field_bytes = max_field_bytes
        self._open_file = open_file
        self._offer_buffer = offer_buffer
        self._delimiter = b"\r\n--" + self._parser.boundary
        self._last = b""  # the last parsed bytes, one more than the delimiter has
        self._max_total = max_file_bytes + len(_FIELDS) * max_field_bytes + OVERHEAD_BYTES
        self._total = 0
        self._name = ""
        """The name of the current part."""
        self._content: FilePart | bytearray | None = None
        """The content of the current part; None if it is dropped."""
        self._file: FilePart | None = None
        self._archive: FilesArchive | None = None
        self._lock = asyncio.Lock()
        self.fields: dict[str, bytes] = {}
        self.errors: list[FieldError] = []
        self.file_part: str | None = None
        self.file_name: str | None = None

    @property
    def file_count(self) -> int | None:
        """How many files a complete form has.

        None if a job has to look into its file: it may be an archive that `FilesArchive` has made.
        """
        if self._archive:
            return self._archive.count
        is_archive = self.file_name is not None and self.file_name.endswith(".zip")
        return None if is_archive else int(self.file_name is not None)

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
        if self._archive:
            await self._archive.finish()
            self.file_name = self._archive.name
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
                if isinstance(event, MultipartSegment):
                    await self._begin_part(event)
                elif event is not None:
                    await self._add_data(event)
                else:
                    await self._end_part()
        except MultipartError as error:
            raise _malformed(error) from None

    def _file_without_parser(self) -> FilePart | None:
        """The file, if its bytes need no parsing until the next delimiter.

        They do need it while the parser holds back bytes: the beginning of a delimiter, or a whole
        one, if what follows it is not known yet.
        """
        if not isinstance(self._content, FilePart):
            return None
        at = self._last.rfind(b"\r")
        kept = self._last[at:]
        may_end = self._delimiter.startswith(kept) or kept.startswith(self._delimiter)
        return None if at >= 0 and may_end else self._content

    async def _begin_part(self, part: MultipartSegment) -> None:
        self._name = name = _text(part.name or "")
        if name in (*FILE_PARTS, FILES_PART):
            await self._begin_file(name, part)
        elif name not in _FIELDS:
            known = [*Submission.model_fields, FILE_PART, FILES_PART]
            detail = unknown_name("form field", name, known)
            if part.filename is not None:
                detail = f"send a file in a part named file, several in parts named {FILES_PART}"
            self.errors.append(FieldError(name[:100] or BODY, detail, "unknown"))
        elif name in self.fields:
            self.errors.append(FieldError(name, "given twice", "repeated"))
        else:
            self._content = bytearray()

    async def _begin_file(self, name: str, part: MultipartSegment) -> None:
        shown_name = file_name(part)
        if shown_name is None:
            detail = "it must be a file, with a file name"
            self.errors.append(FieldError(name, detail, "wrong_type"))
            return
        if self._archive and name == FILES_PART:
            await self._begin_member(self._archive, shown_name)
            return
        if self._file is not None:
            detail = f"a job takes one file; send several as parts named {FILES_PART}"
            self.errors.append(FieldError(name, detail, "repeated"))
        self.file_part, self.file_name = name, shown_name
        self._content = self._file = await self._open_file(self._delimiter)
        if name == FILES_PART:
            self._archive = FilesArchive(self._file)
            await self._begin_member(self._archive, shown_name)

    async def _begin_member(self, archive: FilesArchive, name: str) -> None:
        if archive.count == _MAX_FILES:
            detail = (
                f"a job takes at most {_MAX_FILES:,} files: send an archive of them as one file"
            )
            raise unacceptable([FieldError(FILES_PART, detail)])
        self._max_total += _FILE_OVERHEAD_BYTES
        await archive.begin(name)
        self._content = self._file

    async def _add_data(self, data: bytes) -> None:
        if isinstance(self._content, FilePart):
            await self._content.write(data)
        elif self._content is not None:
            self._content += data
            if len(self._content) > self._max_field_bytes:
                raise too_large(f"the form field {self._name}", self._max_field_bytes)

    async def _end_part(self) -> None:
        if isinstance(self._content, FilePart):
            await (self._archive or self._content).end()
        elif self._content is not None:
            self.fields[self._name] = bytes(self._content)
        self._content = None


def _malformed(error: MultipartError) -> Problem:
    """400 with the parser's message. Its second argument, the cause, is not for clients."""
    reason = _PLAIN.get(error.args[0], error.args[0])
    detail = f"the form is malformed: {reason}"
    return Problem(Code.MALFORMED_FORM, detail, [FieldError(BODY, reason, "malformed")])


def file_name(part: MultipartSegment) -> str | None:
    """The name of the part's file for lists and logs, None if it is no file.

    `filename*` is preferred to `filename`. The name is never used as a path.
    """
    found = _PARAMETER.findall(part.header("Content-Disposition"))
    given = {name.lower(): value.strip() for name, value in found}
    extended = _extended(given.get("filename*", "").strip('"'))
    if extended is not None:
        return display_name(extended)
    plain = part.filename
    if plain is None and "filename" in given:  # the parser knows no unquoted Latin-1
        plain = content_disposition_unquote(given["filename"], True)
    return None if plain is None else display_name(_text(plain))


def _extended(value: str) -> str | None:
    """Decode a value such as UTF-8''na%C3%AFve.log (RFC 8187). None if it is not one."""
    charset, _, rest = value.partition("'")
    _, quote, encoded = rest.partition("'")
    if not quote or charset.lower() not in _CHARSETS:
        return None
    return unquote_to_bytes(encoded).decode(charset, errors="replace")


def _text(value: str) -> str:
    """Decode a text of the head, which is UTF-8 or else Latin-1."""
    try:
        return value.encode(HEAD_CHARSET).decode()
    except UnicodeDecodeError:
        return value
