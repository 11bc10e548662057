"""The compressed formats: how to recognize each, and how to decode one member of it.

A member is the unit that one decoder reads: a member (gzip), a frame (zstd) or a stream (xz,
bzip2). A file may have many. The windows of the decoders are bounded, so that a decoder takes at
most 36 MiB.
"""

import bz2
import lzma
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from loganalysis.read.gzip_member import GzipDecoder, GzipError
from loganalysis.read.stored import Stored, read_at

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Enough for xz up to level 8 and zstd up to --long=25; larger windows would take too much memory.
MAX_DECODER_BYTES = 36 << 20
MAX_WINDOW_LOG = 25


class Decoder(Protocol):
    """Decodes one member. Input that follows the member is in `unused_data` once `eof` is true."""

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""

    @property
    def needs_input(self) -> bool:
        """Whether the decoder needs more input before it can return data."""

    @property
    def unused_data(self) -> bytes:
        """Input that follows the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decode input, and return at most `max_length` bytes."""


@dataclass(frozen=True)
class Format:
    """A compressed format. The sizes keep one call of the decoder below a few milliseconds."""

    name: str
    new_decoder: Callable[[], Decoder]
    errors: tuple[type[Exception], ...]  # raised by the decoder
    chunk_bytes: int  # input of one call
    piece_bytes: int  # maximum output of one call
    too_large: tuple[str, str] = ("", "")  # the decoder's message for a large window, and ours

    def problem(self, error: Exception) -> str:
        """The message for an error of the decoder, with advice if there is any."""
        theirs, ours = self.too_large
        if theirs and theirs in str(error):
            return ours
        return f"cannot decode {self.name}: {error}"


def _xz_decoder() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DECODER_BYTES)


def _zstd_decoder() -> Decoder:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
    )


GZIP = Format("gzip", GzipDecoder, (GzipError,), 32 << 10, 256 << 10)
_ZSTD_TOO_LARGE = (
    "requires too much memory",
    "this zstd data needs a window of more than 32 MiB: compress it again at level 20 or less, "
    "without --long or with --long=25",
)
_XZ_TOO_LARGE = (
    "Memory usage limit exceeded",
    "this xz data needs a dictionary of more than 32 MiB: compress it again at level 8 or less",
)
ZSTD = Format("zstd", _zstd_decoder, (zstd.ZstdError,), 32 << 10, 128 << 10, _ZSTD_TOO_LARGE)
XZ = Format("xz", _xz_decoder, (lzma.LZMAError,), 16 << 10, 64 << 10, _XZ_TOO_LARGE)
BZIP2 = Format("bzip2", bz2.BZ2Decompressor, (OSError, ValueError), 16 << 10, 64 << 10)

# After "BZh" and the level follows a block or the end of the stream; other text is not bzip2.
_BZIP2_NEXT = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_HEAD_BYTES = 10


def pieces_of(decoder: Decoder, chunk: bytes, piece_bytes: int) -> Iterator[bytes]:
    """Everything that the decoder yields for a chunk, in pieces of at most `piece_bytes`."""
    while True:
        piece = decoder.decompress(chunk, piece_bytes)
        if piece:
            yield piece
        if decoder.eof or decoder.needs_input or not (piece or chunk):
            return
        chunk = b""


def format_of(file: Stored) -> Format | None:
    """The compressed format of a file, by its first bytes; None for a plain file."""
    return format_of_data(read_at(file, 0, _HEAD_BYTES))


def format_of_data(head: bytes) -> Format | None:
    """The compressed format of data, by its first 10 bytes; None for plain data."""
    head = head[:_HEAD_BYTES]
    if head.startswith(b"\x1f\x8b\x08"):
        return GZIP
    if head.startswith(b"\xfd7zXZ\0"):
        return XZ
    if head.startswith(b"\x28\xb5\x2f\xfd") or _is_skippable(head):
        return ZSTD
    if head.startswith(b"BZh") and b"1" <= head[3:4] <= b"9" and head[4:] in _BZIP2_NEXT:
        return BZIP2
    return None


def _is_skippable(head: bytes) -> bool:
    """Whether a skippable zstd frame comes first, as parallel compressors write it."""
    return head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50
