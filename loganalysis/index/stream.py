"""The data of a stored file as a stream that begins at any offset, and can go back a little.

A plain UTF-8 file is read from any offset, a large gzip file from its access points. All other
files are decoded from their start, so a stream that has come far is worth keeping: `StreamCache`
holds the last ones.
"""

import logging
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Protocol

from loganalysis.count.line_marks import MarksError
from loganalysis.index import gzip_points
from loganalysis.index.access_points import decode_points
from loganalysis.index.gzip_points import GzipPoints, GzipSource
from loganalysis.read.encodings import UTF8_ENCODINGS, Utf8Source, detect
from loganalysis.read.errors import SourceError
from loganalysis.read.formats import GZIP, format_of
from loganalysis.read.open_source import Source, open_source
from loganalysis.read.stored import Stored, StoredSlice, open_stored, size_of
from loganalysis.times.reference_time import reference_of

log = logging.getLogger(__name__)

_SKIP_BYTES = 256 << 10
MAX_STREAMS = 3
"""Open streams that a cache holds. A decoder takes up to 36 MiB."""
IDLE_SECONDS = 60.0


class Stream(Protocol):
    """Data that is read from some offset on. `TextStream` describes the methods."""

    at_end: bool

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end of the data."""

    def unread(self, data: bytes) -> None:
        """Return bytes that were read last."""

    def skip_to(self, offset: int, deadline: float) -> bool:
        """Read up to an offset; return whether it was reached before the deadline."""

    def close(self) -> None:
        """Close the file."""


class Streams(Protocol):
    """Where a reader gets the stream of a file, which `key` names, and leaves it."""

    def take(self, key: Hashable, file: "Text", offset: int) -> Stream:
        """A stream from which `offset` can be reached, and which the caller then owns."""

    def put(self, key: Hashable, stream: Any) -> None:
        """Keep a stream for the next reader."""


class Text(Protocol):
    """Text that can be read as a stream, from an offset or from before it."""

    stored: Stored
    """The file, or the part of it, that has the text."""
    size: int
    """The size of `stored` in bytes."""
    modified: float
    """When it was written, in epoch seconds."""
    is_plain: bool
    """Whether the data equals the stored bytes, so that any offset can be read."""

    def start_before(self, offset: int) -> int:
        """The offset at which a stream for an offset would begin."""

    def open(self, offset: int) -> "TextStream":
        """A stream that begins at an offset, or before it. Raises OSError."""


class TextFile:
    """A stored file, and how its data is read."""

    def __init__(self, file: Stored, encoding: str | None, modified: float | None = None) -> None:
        """`encoding` is a name from check_encoding, or None to detect it.

        `modified` is when the file was written, if the stored file does not tell. Raises OSError.
        """
        self.stored = file
        self.encoding = encoding
        self.size = size_of(file)
        self.modified = reference_of(file, encoding) if modified is None else modified
        form = format_of(file)
        is_utf8 = detect(_head_of(file), encoding)[0] in UTF8_ENCODINGS
        self.is_plain = form is None and is_utf8
        self._points: GzipPoints | None = None
        if form is GZIP and is_utf8 and self.size >= gzip_points.MIN_FILE_BYTES:
            self._points = GzipPoints()

    def adopt_points(self, points: str) -> None:
        """Take the access points of an analysis, unless they are damaged, or of no use."""
        if self._points is None or self._points.is_stored:
            return
        try:
            self._points.adopt(decode_points(points))
        except MarksError as error:
            log.warning("the access points are not used", extra={"reason": str(error)})

    def start_before(self, offset: int) -> int:
        """The offset at which a stream for an offset would begin."""
        if self.is_plain:
            return min(offset, self.size)
        return self._points.before(offset).data_offset if self._points else 0

    def open(self, offset: int) -> "TextStream":
        """A stream that begins at an offset, or before it if the file needs decoding.

        Raises OSError.
        """
        if self.is_plain:
            start = min(offset, self.size)
            return TextStream(PlainReader(self.stored, start, self.size), start)
        if self._points is not None:
            try:
                source = GzipSource(self.stored, self._points, offset)
            except MarksError as error:
                log.warning("the access points are not used", extra={"reason": str(error)})
                self._points = GzipPoints()
                source = GzipSource(self.stored, self._points, offset)
            return TextStream(source, source.start)
        return TextStream(Utf8Source(open_source(self.stored), self.encoding), 0)


def is_local(text: Text) -> bool:
    """Whether any part of the text can be read quickly: it is plain, and on a local disk."""
    stored = text.stored
    local = isinstance(stored, Path) or (isinstance(stored, StoredSlice) and stored.is_local)
    return text.is_plain and local


def _head_of(file: Stored) -> bytes:
    """The first four bytes of the data."""
    buffer = memoryview(bytearray(4))
    try:
        with open_source(file) as source:
            return bytes(buffer[: source.readinto(buffer)])
    except SourceError:
        return b""


class PlainReader:
    """Reads a plain file from an offset on. It copies the bytes once, a PlainSource twice."""

    def __init__(self, file: Stored, start: int, size: int) -> None:
        """`size` is the size of the file. Raises OSError."""
        self._file = open_stored(file, start, size)
        self._at, self._size = start, size

    @property
    def bytes_done(self) -> int:
        """The offset in the file of the next byte."""
        return self._at

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end. Raises OSError, and SourceError if the file was cut."""
        size = min(size, self._size - self._at)
        data = self._file.read(size) or b""
        if size and not data:
            raise SourceError("the file was cut while it was read", self._at, self._at)
        self._at += len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TextStream:
    """Reads data from an offset on."""

    def __init__(self, source: Source | PlainReader, offset: int) -> None:
        self._source = source
        self._returned = b""
        self.offset = offset
        """The offset in the data of the next byte."""
        self.used_at = 0.0
        self.at_end = False
        """Whether `skip_to` has met the end of the data."""

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._source.bytes_done

    def read(self, size: int) -> bytes:
        """The next bytes, up to `size`; none at the end of the data. Raises SourceError, OSError.

        Data before an error is returned before the error is raised.
        """
        if self._returned:
            data, self._returned = self._returned[:size], self._returned[size:]
        elif isinstance(self._source, PlainReader):
            data = self._source.read(size)
        else:
            buffer = memoryview(bytearray(size))
            data = bytes(buffer[: self._source.readinto(buffer)])
        self.offset += len(data)
        return data

    def unread(self, data: bytes) -> None:
        """Return bytes that were read last, so that they are read again."""
        self._returned = data + self._returned
        self.offset -= len(data)

    def skip_to(self, offset: int, deadline: float) -> bool:
        """Read up to an offset; return whether it was reached before the deadline.

        If it was not, `at_end` is whether the data ends before. Raises SourceError and OSError.
        """
        while self.offset < offset:
            self.at_end = not self.read(min(_SKIP_BYTES, offset - self.offset))
            if self.at_end or time.monotonic() > deadline:
                break
        return self.offset >= offset

    def close(self) -> None:
        """Close the file."""
        self._source.close()


class StreamCache:
    """Open streams, for the next page of the same file."""

    def __init__(self) -> None:
        self._streams: list[tuple[Hashable, TextStream]] = []

    def take(self, key: Hashable, file: Text, offset: int) -> TextStream:
        """A stream from which `offset` can be reached, and which the caller then owns.

        Raises OSError.
        """
        start = file.start_before(offset)
        found = [
            (stream.offset, at)
            for at, (other, stream) in enumerate(self._streams)
            if other == key and start <= stream.offset <= offset
        ]
        if not found:
            return file.open(offset)
        return self._streams.pop(max(found)[1])[1]

    def put(self, key: Hashable, stream: TextStream) -> None:
        """Keep a stream; the one that was used longest ago is closed."""
        stream.used_at = time.monotonic()
        self._streams.append((key, stream))
        while len(self._streams) > MAX_STREAMS:
            self._streams.pop(0)[1].close()

    def close(self, key: Hashable) -> None:
        """Close the streams of a file."""
        for each in [each for each in self._streams if each[0] == key]:
            self._streams.remove(each)
            each[1].close()

    def close_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Close streams that were not used for this long."""
        limit = time.monotonic() - seconds
        for each in [each for each in self._streams if each[1].used_at <= limit]:
            self._streams.remove(each)
            each[1].close()
