"""Zstandard, which is part of Python from 3.14 on."""

import sys
from collections.abc import Iterator
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 3
_STEP_BYTES = 128 * 1024
"""Bytes that are compressed at once, which takes about half a millisecond."""


def compress(data: bytes) -> Iterator[bytes]:
    """Yield the pieces of a Zstandard frame of the data, with a checksum."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    frame = zstd.ZstdCompressor(options=options)
    view = memoryview(data)
    for at in range(0, len(data), _STEP_BYTES):
        yield frame.compress(view[at : at + _STEP_BYTES])
    yield frame.flush()


def decompress(data: bytes) -> bytes:
    """Return the data of a frame. Raises ValueError if it is damaged."""
    try:
        return zstd.decompress(data)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error


def compressing(file: Any) -> Any:
    """Return a file that compresses into another one."""
    return zstd.ZstdFile(file, "wb", level=LEVEL)


def decompressing(file: Any) -> Any:
    """Return a file that reads a compressed one. If that is damaged, reading raises `DAMAGED`."""
    return zstd.ZstdFile(file, "rb")


DAMAGED = (zstd.ZstdError, EOFError)
