"""Reads some lines of a file: from its start, its middle and its end."""

from loganalysis.read.encodings import UTF8_ENCODINGS, detect
from loganalysis.read.formats import format_of
from loganalysis.read.stored import Stored, read_at, size_of

BLOCK_BYTES = 64 << 10
_LINES = 120  # of each block


def sample_lines(file: Stored, encoding: str | None = None) -> list[bytes] | None:
    """Some lines of a plain UTF-8 file, without newlines; None for any other file.

    A block of 64 KiB is read at each place. Raises OSError.
    """
    if format_of(file) is not None:
        return None
    if detect(read_at(file, 0, 4), encoding)[0] not in UTF8_ENCODINGS:
        return None
    size = size_of(file)
    places = sorted({0, size // 2, max(size - BLOCK_BYTES, 0)})
    return [line for at in places for line in _lines(read_at(file, at, BLOCK_BYTES), at > 0)]


def _lines(block: bytes, is_cut: bool) -> list[bytes]:
    """The first lines of a block, without the one that the block begins or ends within."""
    lines = block.split(b"\n")[is_cut:]
    return lines[:-1][:_LINES] or lines[:1]
