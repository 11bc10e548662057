"""How the text of a member is read: in place, as a window on the archive, or from its start.

not compressed, in zip or tar ──▶ TextFile on a part of the stored file: any offset
in a compressed tar archive ────▶ RangeText on the stream of the archive
any other ──────────────────────▶ DecodedText, from its start
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from loganalysis.archives.archive import Member, UnreadableMember
from loganalysis.archives.member_text import CompressedMember, open_text
from loganalysis.archives.zip_data import Checked
from loganalysis.index.known_file import KnownFile
from loganalysis.index.stream import StreamCache, TextFile, TextStream
from loganalysis.lines.member_streams import ArchiveStream, RangeSource, RangeStreams
from loganalysis.read.encodings import UTF8_ENCODINGS, Utf8Source, detect
from loganalysis.read.errors import SourceError
from loganalysis.read.formats import GZIP, Format, format_of_data
from loganalysis.read.open_source import DecompressionLimits, PiecedSource, PlainSource, Source
from loganalysis.read.stored import Stored, StoredSlice, size_of

_HEAD_BYTES = 64 << 10
_PACKED_HEAD_BYTES = 1 << 20
"""Of a compressed member: bzip2 decodes no text before it has a whole block."""

OpenMember = Callable[[], Source]


@dataclass(frozen=True)
class MemberTexts:
    """Opens the members of one archive as files.

    `stream` is the data of a compressed tar archive, None for any other. `encoding` is a name from
    check_encoding, or None to detect the encoding of each member.
    """

    file: Stored
    is_zip: bool
    stream: ArchiveStream | None
    encoding: str | None
    streams: StreamCache

    def open(self, key: Hashable, member: Member, modified: float) -> KnownFile:
        """The text of a member, which was written at `modified`.

        Raises UnreadableMember, SourceError and OSError.
        """
        if member.problem:
            raise member.problem
        if self.stream is not None:
            return self._in_stream(self.stream, key, member, modified)
        part = self._part(member)
        opened: OpenMember = (lambda: PlainSource(part)) if part else member.open
        form = self._check(replace(member, open=opened))
        if part and form in (None, GZIP):
            return KnownFile(key, TextFile(part, self.encoding, modified), self.streams)
        text = DecodedText(self.file, opened, form, self.encoding, modified)
        return KnownFile(key, text, self.streams)

    def _part(self, member: Member) -> StoredSlice | None:
        """Where the bytes of a member are in the file, if they are not compressed."""
        if not self.is_zip:
            end = min(member.at + member.size, size_of(self.file))
            return StoredSlice(self.file, member.at, end)
        with member.open() as source:
            return source.stored if isinstance(source, Checked) else None

    def _in_stream(
        self, stream: ArchiveStream, key: Hashable, member: Member, modified: float
    ) -> KnownFile:
        head = stream.head(member.at, min(member.size, _HEAD_BYTES))
        if format_of_data(head):
            head = stream.head(member.at, min(member.size, _PACKED_HEAD_BYTES))
        form = self._check(replace(member, open=lambda: _Bytes(head)))
        if form is None and detect(head[:4], self.encoding)[0] in UTF8_ENCODINGS:
            ranges = RangeStreams(stream, member.at, member.size)
            return KnownFile(key, RangeText(self.file, modified), ranges)

        def opened() -> Source:
            return RangeSource(stream, member.at, member.size)

        text = DecodedText(self.file, opened, form, self.encoding, modified)
        return KnownFile(key, text, self.streams)

    def _check(self, member: Member) -> Format | None:
        """How a member is compressed by itself. Raises UnreadableMember if it has no text."""
        text = open_text(member, self.encoding)
        text.source.close()
        return text.form


class DecodedText:
    """The text of a member that is decoded from its start."""

    is_plain = False

    def __init__(
        self,
        file: Stored,
        open_member: OpenMember,
        form: Format | None,
        encoding: str | None,
        modified: float,
    ) -> None:
        """`open_member` opens the data as it is in the archive, `form` tells its compression."""
        self.stored, self.size, self.modified = file, 0, modified
        self._open_member, self._form, self._encoding = open_member, form, encoding

    def start_before(self, offset: int) -> int:
        """Return 0."""
        return 0

    def open(self, offset: int) -> TextStream:
        """A stream from the start of the text. Raises OSError."""
        source = self._open_member()
        if self._form:
            source = CompressedMember(source, self._form)
        return TextStream(Utf8Source(_Limited(source), self._encoding), 0)


class RangeText:
    """The text of a member that is as it is in the data of a compressed archive."""

    is_plain = False

    def __init__(self, file: Stored, modified: float) -> None:
        self.stored, self.size, self.modified = file, 0, modified

    def start_before(self, offset: int) -> int:
        """Never called, see RangeStreams."""
        raise NotImplementedError

    def open(self, offset: int) -> TextStream:
        """Never called, see RangeStreams."""
        raise NotImplementedError


class _Limited(Source):
    """Another source within the limits of decompressed data. All its errors are SourceErrors."""

    def __init__(self, source: Source) -> None:
        self._source, self._limits, self._done = source, DecompressionLimits(), 0

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._source.bytes_done

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source."""
        try:
            size = self._source.readinto(buffer)
        except UnreadableMember as error:
            raise SourceError(error.message, self.bytes_done, self._done) from None
        self._done += size
        if problem := self._limits.problem(self._done, self.bytes_done):
            raise SourceError(problem, self.bytes_done, self._done)
        return size

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class _Bytes(PiecedSource):
    """Some bytes as a source."""

    bytes_done = 0

    def __init__(self, data: bytes) -> None:
        super().__init__(iter([data]))

    def close(self) -> None:
        """Do nothing."""
