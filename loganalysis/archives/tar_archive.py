"""Reads a tar archive from start to end, also from a compressed file.

    Source of the whole archive ──▶ header, data, padding, header, data, padding, …, zero blocks

Several archives may follow one another, as after `cat a.tar b.tar`. An archive without zero blocks
at its end was cut short.
"""

from collections.abc import Iterator
from dataclasses import replace

from loganalysis.archives import tar_header
from loganalysis.archives.archive import Archive, Member, UnreadableMember, text_of
from loganalysis.archives.tar_header import BLOCK_BYTES, Header, HeaderError
from loganalysis.read.errors import SourceError
from loganalysis.read.open_source import Source

MAX_RECORDS_BYTES = 1 << 20
"""The longest pax header or GNU long name: it is held in memory."""
_IGNORED = b"VDNAX"
"""Volume labels, lists of directories, and extended headers of other systems."""

_EXTENSIONS = tar_header.FOR_NEXT + tar_header.PAX_GLOBAL
_MAX_EXTENSIONS = 4
"""Headers for each member, besides its own: GNU tar writes up to three."""
_Records = dict[str, bytes]


class TarArchive(Archive):
    """A tar archive in a source, which it closes."""

    def __init__(
        self, source: Source, format: str, max_members: int, expands: bool, start: int = 0
    ) -> None:
        """`expands` is true if the source decompresses the archive.

        `start` is the offset of a header, at which the source is and the members begin.
        """
        self.format = format
        self._source = source
        self._max_members = max_members
        self._expands = expands
        self._member_count = self._extensions = 0
        self._at = self.next_header_at = start
        """The offsets in the archive of the next byte and of the next header."""

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._source.bytes_done

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def members(self) -> Iterator[Member]:
        """The regular files, see Archive."""
        was_zero = False
        records: _Records = {}
        defaults: _Records = {}
        while block := self._next_block(was_zero):
            if was_zero := not any(block):
                continue
            header = self._read_header(block, {**defaults, **records})
            self._count(header)
            if header.kind == tar_header.PAX_GLOBAL:
                defaults |= self._records(header)
            elif header.kind in tar_header.FOR_NEXT:
                records |= self._records(header)
            else:
                records = {}
                if header.kind not in tar_header.WITHOUT_DATA and header.kind not in _IGNORED:
                    yield self._member(header)

    def _count(self, header: Header) -> None:
        """Count a member, or a header that describes one. Raises SourceError for too many."""
        if header.kind in _EXTENSIONS:
            self._extensions += 1
        else:
            self._member_count += 1
        if max(self._member_count, self._extensions // _MAX_EXTENSIONS) > self._max_members:
            raise self._error(f"the archive has more than {self._max_members} members")

    def read(self, buffer: memoryview) -> int:
        """Read the next bytes of the archive. Raises SourceError, also at its end."""
        size = self._source.readinto(buffer)
        if not size and buffer:
            raise self._error("the tar archive is cut short")
        self._at += size
        return size

    def _next_block(self, was_zero: bool) -> bytes:
        """The next header block; b"" at the end of the archive."""
        self._at += self._source.skip(self.next_header_at - self._at)
        block = memoryview(bytearray(BLOCK_BYTES))
        filled = 0
        while filled < BLOCK_BYTES and (size := self._source.readinto(block[filled:])):
            filled += size
        self._at += filled
        self.next_header_at = self._at
        if filled < BLOCK_BYTES and (filled or not was_zero):
            raise self._error("the tar archive is cut short")
        return bytes(block[:filled])

    def _read_header(self, block: bytes, records: _Records) -> Header:
        try:
            header = tar_header.read_header(block)
            if header.kind not in _EXTENSIONS:
                header = tar_header.with_records(header, records)
        except HeaderError as error:
            raise self._error(f"the tar archive has a damaged header: {error}") from None
        if header.kind in tar_header.WITHOUT_DATA:
            header = replace(header, size=0)
        if header.has_more_blocks:
            self._skip_sparse_map()
        self.next_header_at = self._at + -(-header.size // BLOCK_BYTES) * BLOCK_BYTES
        return header

    def _skip_sparse_map(self) -> None:
        """Skip the blocks that continue the map of an old GNU sparse file."""
        block = memoryview(bytearray(BLOCK_BYTES))
        while True:
            self._fill(block)
            if not block[504]:
                return

    def _records(self, header: Header) -> _Records:
        """The records for the next header, from a pax header or a GNU long name."""
        if header.kind == tar_header.LONG_LINK:
            return {}
        if header.kind == tar_header.LONG_NAME:
            return {"path": self._small_data(header).split(b"\0", 1)[0]}
        try:
            return tar_header.read_records(self._small_data(header))
        except HeaderError as error:
            raise self._error(f"the tar archive has a damaged pax header: {error}") from None

    def _small_data(self, header: Header) -> bytes:
        if header.size > MAX_RECORDS_BYTES:
            raise self._error(f"the tar archive has a header of {header.size} bytes")
        data = memoryview(bytearray(header.size))
        self._fill(data)
        return bytes(data)

    def _fill(self, buffer: memoryview) -> None:
        while buffer:
            buffer = buffer[self.read(buffer) :]

    def _member(self, header: Header) -> Member:
        problem = None
        if header.kind == tar_header.SPARSE:
            problem = UnreadableMember("unsupported", "it is stored as a sparse file")
        elif header.kind not in tar_header.REGULAR:
            kind = header.kind.decode("latin-1")
            problem = UnreadableMember("unsupported", f"it has the type {kind!r} of tar")
        return Member(
            name=text_of(header.name),
            modified=header.modified,
            expands=self._expands,
            open=lambda: _TarMember(self, header.size),
            problem=problem,
            at=self._at,
            size=header.size,
        )

    def _error(self, problem: str) -> SourceError:
        return SourceError(problem, self._source.bytes_done, 0)


class _TarMember(Source):
    """The data of one member."""

    def __init__(self, archive: TarArchive, size: int) -> None:
        self._archive, self._left = archive, size

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._archive.bytes_done

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source. Raises SourceError if the archive ends within the member."""
        buffer = buffer[: self._left]
        if not buffer:
            return 0
        size = self._archive.read(buffer)
        self._left -= size
        return size

    def close(self) -> None:
        """Do nothing: the archive stays open."""
