"""Decodes deflate data from a bit in the middle on, with the window of 32 KiB before it.

ISA-L begins at a byte. So the data is shifted by up to 7 bits, chunk by chunk.
"""

from typing import Any

from isal import igzip_lib

WINDOW_BYTES = 32 << 10
_LIBRARY: Any = igzip_lib
DeflateError: Any = igzip_lib.error  # its type stub declares an exception, not a class


def raw_decoder(window: bytes) -> Any:
    """A decoder of deflate data without a header. `window` is the data before."""
    return _LIBRARY.IgzipDecompressor(flag=_LIBRARY.DECOMP_DEFLATE, zdict=window)


def shifted(data: bytes, bits: int) -> bytes:
    """The data without its first 0 to 7 bits, as whole bytes; the last bits are left out."""
    if not bits:
        return data
    return (int.from_bytes(data, "little") >> bits).to_bytes(len(data), "little")[:-1]


class RawDecoder:
    """Decodes the rest of a gzip member from a bit of its first byte on."""

    def __init__(self, window: bytes, bits: int) -> None:
        """`bits` is the number of bits of the first byte that belong to the block before."""
        self._inner, self._bits = raw_decoder(window), bits
        self.trailer_starts = (0, 1) if bits else (0,)
        """Where in `unused_data` the trailer of the member may begin."""
        self._kept = b""  # the last byte; some of its bits are still needed
        self._fed = [b""]

    @property
    def eof(self) -> bool:
        """Whether the deflate data is complete."""
        return bool(self._inner.eof)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decode input, and return at most `max_length` bytes. Raises igzip_lib.error."""
        if data:
            self._fed = [self._kept, data]
            data = self._kept + data
            self._kept = data[-1:] if self._bits else b""
            data = shifted(data, self._bits)
        piece: bytes = self._inner.decompress(data, max_length)
        return piece

    unconsumed_tail = b""
    """Input that was not used yet: it is kept here."""

    @property
    def unused_data(self) -> bytes:
        """The input behind the deflate data.

        If the data was shifted, its first byte may still belong to the deflate data.
        """
        last = b"".join(self._fed)
        return last[len(last) - len(self._inner.unused_data) - len(self._kept) :]
