"""Streams of the members of a compressed tar archive: windows on the one stream of the archive.

    archive ──decoder──▶ header, data of a member, header, data of a member, …
                                └── RangeStream ──┘

The stream goes back to the cache behind a member, so the next one is read from there on.
"""

from abc import abstractmethod
from collections.abc import Hashable

from loganalysis.index.stream import StreamCache, Text, TextFile, TextStream
from loganalysis.read.binary_formats import HEAD_BYTES
from loganalysis.read.errors import SourceError
from loganalysis.read.open_source import Source
from loganalysis.read.stored import Stored, modified_at, read_at

NO_DEADLINE = float("inf")


class ArchiveStream:
    """Gives and takes back the stream of a whole tar archive, after decompression."""

    def __init__(self, key: Hashable, file: Stored, cache: StreamCache) -> None:
        """`key` names the archive in the cache. Raises OSError."""
        self._key, self._cache = key, cache
        self.text = TextFile(file, "utf-8", modified_at(file))  # bytes that pass unchanged

    def take(self, offset: int) -> TextStream:
        """A stream from which an offset of the archive can be reached. Raises OSError."""
        return self._cache.take(self._key, self.text, offset)

    def put(self, stream: TextStream) -> None:
        """Keep a stream for the next reader."""
        self._cache.put(self._key, stream)

    def reach(self, offset: int, deadline: float) -> bool:
        """Read up to an offset, as far as time allows; return whether it was reached.

        It counts as reached if the archive ends before it. Raises SourceError and OSError.
        """
        stream = self.take(offset)
        try:
            return stream.skip_to(offset, deadline) or stream.at_end
        finally:
            self.put(stream)

    def head(self, offset: int, size: int) -> bytes:
        """The first `size` bytes from an offset on, which are read again later.

        If the archive ends before, they are fewer, but enough to tell their format. Raises OSError,
        and SourceError without these.
        """
        stream, found = self.take(offset), b""
        try:
            if stream.skip_to(offset, NO_DEADLINE):
                while len(found) < size and (piece := stream.read(size - len(found))):
                    found += piece
            if len(found) < min(size, HEAD_BYTES):
                raise SourceError("the tar archive is cut short", stream.bytes_done, 0)
        except SourceError:
            if len(found) < min(size, HEAD_BYTES):
                raise
        finally:
            stream.unread(found)
            self.put(stream)
        return found


class _Headers(Source):
    """A tar archive as a source for its headers: data of members is passed over, not read.

    No file stays open.
    """

    def __init__(self, at: int) -> None:
        """`at` is the offset of the next byte."""
        self._at = at

    @abstractmethod
    def _read(self, size: int) -> bytes:
        """The next bytes, up to `size`. Raises SourceError and OSError."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def skip(self, size: int) -> int:
        """Move on. If the archive is shorter, the next read has no bytes."""
        self._at += size
        return size

    def close(self) -> None:
        """Do nothing."""


class PlainHeaders(_Headers):
    """The headers of an archive that is not compressed."""

    def __init__(self, file: Stored, at: int) -> None:
        super().__init__(at)
        self.file = file

    @property
    def bytes_done(self) -> int:
        """The offset of the next byte."""
        return self._at

    def _read(self, size: int) -> bytes:
        return read_at(self.file, self._at, size)


class StreamHeaders(_Headers):
    """The headers of a compressed archive. Its stream goes back to the cache after each read."""

    def __init__(self, archive: ArchiveStream, at: int) -> None:
        super().__init__(at)
        self._archive, self._bytes_done = archive, 0

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._bytes_done

    def _read(self, size: int) -> bytes:
        stream = self._archive.take(self._at)
        try:
            stream.skip_to(self._at, NO_DEADLINE)
            return b"" if stream.offset < self._at else stream.read(size)
        finally:
            self._bytes_done = stream.bytes_done
            self._archive.put(stream)


class RangeStream:
    """A part of the archive as a stream of its own."""

    def __init__(self, outer: TextStream, start: int, size: int) -> None:
        self.outer, self._start, self._size = outer, start, size
        self.at_end = False
        """Whether `skip_to` has met the end of the part."""

    @property
    def offset(self) -> int:
        """The offset in the part of the next byte; negative before the part."""
        return self.outer.offset - self._start

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self.outer.bytes_done

    def read(self, size: int) -> bytes:
        """The next bytes, see TextStream. Raises SourceError if the archive ends in the part."""
        size = min(size, self._size - self.offset)
        data = self.outer.read(size) if size > 0 else b""
        if size > 0 and not data:
            raise SourceError("the tar archive is cut short", self.bytes_done, self.offset)
        return data

    def unread(self, data: bytes) -> None:
        """Return bytes that were read last, so that they are read again."""
        self.outer.unread(data)

    def skip_to(self, offset: int, deadline: float) -> bool:
        """Read up to an offset, see TextStream."""
        within = min(offset, self._size)
        reached = self.outer.skip_to(self._start + within, deadline)
        if self.outer.at_end and not reached:
            raise SourceError("the tar archive is cut short", self.bytes_done, max(self.offset, 0))
        self.at_end = reached and offset > self._size
        return reached and offset <= self._size

    def close(self) -> None:
        """Close the stream of the archive."""
        self.outer.close()


class RangeStreams:
    """The streams of one member. Each is a range of a stream of the archive."""

    def __init__(self, archive: ArchiveStream, start: int, size: int) -> None:
        self._archive, self._start, self._size = archive, start, size

    def take(self, key: Hashable, file: Text, offset: int) -> RangeStream:
        """A stream from which an offset of the member can be reached. Raises OSError."""
        outer = self._archive.take(self._start + min(offset, self._size))
        return RangeStream(outer, self._start, self._size)

    def put(self, key: Hashable, stream: RangeStream) -> None:
        """Keep the stream of the archive."""
        self._archive.put(stream.outer)


class RangeSource(Source):
    """The data of a member, to be decoded. It gives the stream of the archive back when closed."""

    def __init__(self, archive: ArchiveStream, start: int, size: int) -> None:
        """Raises OSError."""
        self._archive, self._is_open = archive, True
        self._stream = RangeStream(archive.take(start), start, size)
        self._is_at_start = False

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._stream.bytes_done

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source."""
        if not self._is_at_start:
            self._is_at_start = self._stream.skip_to(0, NO_DEADLINE)
        filled = 0
        try:
            while filled < len(buffer) and (data := self._stream.read(len(buffer) - filled)):
                buffer[filled : filled + len(data)] = data
                filled += len(data)
        except SourceError:
            if not filled:
                raise
        return filled

    def close(self) -> None:
        """Give the stream back."""
        if self._is_open:
            self._is_open = False
            self._archive.put(self._stream.outer)
