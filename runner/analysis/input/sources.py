"""Opens files as streams of bytes, whole or compressed.

    file ──first bytes──▶ format ─┬─ plain ────────────────────────────▶ mapped, or readinto
                                  └─ gzip, zstd, xz, bzip2 ──members──▶ pieces ──▶ readinto(window)

What a file is called does not matter.
"""

from runner.analysis.input.compressed import CompressedSource
from runner.analysis.input.formats import format_of
from runner.analysis.input.mapped import MappedFile, map_file
from runner.analysis.input.source import DecompressionLimits, Source, SourceError
from runner.analysis.input.stored import Stored, descriptor_of, open_stored, size_of

_LARGE_BYTES = 256 << 10
"""A smaller file is not worth a thread."""

__all__ = ["DecompressionLimits", "PlainSource", "Source", "SourceError", "open_source"]


class PlainSource(Source):
    """A file that is taken as it is."""

    format = "plain"

    def __init__(self, file: Stored) -> None:
        self._file = open_stored(file)
        self.bytes_total = size_of(file)
        self._done = 0

    @property
    def bytes_done(self) -> int:
        """How many bytes were given."""
        return self._done

    def readinto(self, buffer: memoryview) -> int:
        """As Source.readinto; a file that became shorter since it was opened is a SourceError."""
        filled = 0
        while filled < len(buffer) and (size := self._file.readinto(buffer[filled:])):
            filled += size
        self._done += filled
        if buffer and not filled and self._done < self.bytes_total:
            raise SourceError("the file was cut while it was read", self._done, self._done)
        return filled

    def mapped(self) -> MappedFile | None:
        """As Source.mapped."""
        return map_file(descriptor_of(self._file), 0, self.bytes_total)

    def passed(self, data: memoryview, ascii: bool) -> None:
        """As Source.passed."""
        self._done += len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_source(
    file: Stored, limits: DecompressionLimits | None = None, ahead: bool = False
) -> Source:
    """Open a file by what its first bytes say that it is; a large compressed one is decoded `ahead`
    by a thread, if that is wanted. Raises OSError where the file cannot be opened.
    """
    found = format_of(file)
    if found is None:
        return PlainSource(file)
    ahead = ahead and size_of(file) >= _LARGE_BYTES
    return CompressedSource(file, found, limits or DecompressionLimits(), ahead)
