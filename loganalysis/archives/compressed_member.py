"""A compressed file in an archive, such as `app.log.2.gz`: decompressed while it is read.

The archive's own decoder may take 36 MiB, so the decoder of a member gets less: windows of 8 MiB,
which xz uses up to level 6 and zstd up to level 19.
"""

import lzma
import sys
from collections.abc import Iterator
from dataclasses import replace

from loganalysis.archives.archive import UnreadableMember
from loganalysis.read.formats import BZIP2, GZIP, XZ, ZSTD, Decoder, Format, pieces_of
from loganalysis.read.open_source import PiecedSource, Source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAX_DECODER_BYTES = 10 << 20
_MAX_WINDOW_LOG = 23


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
