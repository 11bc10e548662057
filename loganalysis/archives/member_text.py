"""Opens a member for the scan: decompresses it, and refuses it if it has no lines of text."""

import lzma
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from loganalysis.archives.archive import Member, UnreadableMember
from loganalysis.read.errors import FormatError
from loganalysis.read.formats import (
    BZIP2,
    GZIP,
    XZ,
    ZSTD,
    Decoder,
    Format,
    format_of_data,
    pieces_of,
)
from loganalysis.read.open_source import PiecedSource, Source
from loganalysis.read.text_check import check_samples

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEAD_BYTES = 64 << 10
_MAX_DECODER_BYTES = 10 << 20
_MAX_WINDOW_LOG = 23
"""The archive's own decoder may take 36 MiB, so the decoder of a member gets less: windows of 8
MiB, which xz uses up to level 6 and zstd up to level 19."""


@dataclass(frozen=True)
class MemberText:
    """The data of a member. `form` is how it is compressed, apart from the archive, if it is.

    `expands` is true if the data was compressed in any way.
    """

    source: Source
    form: Format | None
    expands: bool
    warnings: list[dict[str, str]]

    @property
    def format(self) -> str:
        """The name of `form`, or `plain`."""
        return self.form.name if self.form else "plain"


class Peekable(Source):
    """A source whose first bytes can be looked at before they are read."""

    def __init__(self, source: Source) -> None:
        self._source, self._head = source, memoryview(b"")

    def peek(self, size: int = _HEAD_BYTES) -> bytes:
        """The first bytes; fewer if the data is shorter, or ends with an error that comes later."""
        head = memoryview(bytearray(size))
        filled = self._source.readinto(head)
        self._head = head[:filled]
        return bytes(self._head)

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._source.bytes_done

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source. The first call may return only the bytes of `peek`."""
        if not self._head:
            return self._source.readinto(buffer)
        size = min(len(buffer), len(self._head))
        buffer[:size] = self._head[:size]
        self._head = self._head[size:]
        return size

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def open_text(member: Member, encoding: str | None) -> MemberText:
    """Open a member. `encoding` is a name from check_encoding, or None to detect it.

    Raises UnreadableMember, also while the source is read, and SourceError.
    """
    if member.problem:
        raise member.problem
    source, form = Peekable(member.open()), None
    head = source.peek()
    if form := format_of_data(head):
        source = Peekable(CompressedMember(source, form))
        head = source.peek()
        if format_of_data(head):
            raise UnreadableMember("unsupported", "it was compressed twice")
    try:
        warnings = check_samples([head], encoding)
    except FormatError as error:
        code = "archive" if error.is_archive else "not_text"
        raise UnreadableMember(code, f"it is {error.name}") from None
    return MemberText(source, form, member.expands or form is not None, warnings)


def _xz_decoder() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_DECODER_BYTES)


def _zstd_decoder() -> Decoder:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _MAX_WINDOW_LOG}
    )


_FORMATS = {
    GZIP: GZIP,
    BZIP2: BZIP2,
    XZ: replace(XZ, new_decoder=_xz_decoder),
    ZSTD: replace(ZSTD, new_decoder=_zstd_decoder),
}


class CompressedMember(PiecedSource):
    """The data of a compressed member. Reading raises UnreadableMember if it is damaged."""

    def __init__(self, source: Source, form: Format) -> None:
        """`source` has the bytes of the member."""
        super().__init__(self._decode())
        self._source, self._format = source, _FORMATS[form]

    @property
    def bytes_done(self) -> int:
        """The bytes of the stored file that were read."""
        return self._source.bytes_done

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _decode(self) -> Iterator[bytes]:
        form, chunk = self._format, b""
        while chunk := chunk.lstrip(b"\0") or self._next_chunk().lstrip(b"\0"):
            decoder = form.new_decoder()
            try:
                while True:
                    yield from pieces_of(decoder, chunk, form.piece_bytes)
                    if decoder.eof:
                        break
                    if not (chunk := self._next_chunk()):
                        raise UnreadableMember("damaged", f"its {form.name} data is cut short")
            except form.errors as error:
                raise self._problem(error) from None
            chunk = decoder.unused_data

    def _problem(self, error: Exception) -> UnreadableMember:
        theirs, _ = self._format.too_large
        if theirs and theirs in str(error):
            reason = f"its {self._format.name} data needs a window of more than 8 MiB"
            return UnreadableMember("unsupported", reason)
        return UnreadableMember("damaged", self._format.problem(error))

    def _next_chunk(self) -> bytes:
        buffer = bytearray(self._format.chunk_bytes)
        return bytes(buffer[: self._source.readinto(memoryview(buffer))])
