"""Opens a stored file as a stream of bytes, and decompresses it if needed.

    file ──first bytes──▶ format ─┬─ plain ────────────────────────────▶ mapped, or readinto
                                  └─ gzip, zstd, xz, bzip2 ──members──▶ pieces ──▶ readinto(window)

The name of the file does not matter.
"""

from runner.analysis.input.compressed import CompressedSource
from runner.analysis.input.formats import format_of
from runner.analysis.input.mapped import MappedFile, map_file
from runner.analysis.input.source import DecompressionLimits, Source, SourceError
from runner.analysis.input.stored import Stored, descriptor_of, open_stored, size_of

__all__ = ["DecompressionLimits", "PlainSource", "Source", "SourceError", "open_source"]


class PlainSource(Source):
    """A file whose bytes are the data."""

    format = "plain"

    def __init__(self, file: Stored) -> None:
        self._file = open_stored(file)
        self.bytes_total = size_of(file)
        self._consumed = 0

    @property
    def bytes_done(self) -> int:
        """The number of bytes read so far."""
        return self._consumed

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source. Raises SourceError if the file was shortened."""
        filled = 0
        while filled < len(buffer) and (size := self._file.readinto(buffer[filled:])):
            filled += size
        self._consumed += filled
        if buffer and not filled and self._consumed < self.bytes_total:
            raise SourceError("the file was cut while it was read", self._consumed, self._consumed)
        return filled

    def mapped_file(self) -> MappedFile | None:
        """The whole file, see Source."""
        return map_file(descriptor_of(self._file), 0, self.bytes_total)

    def mark_consumed(self, data: memoryview, ascii: bool) -> None:
        """Note bytes taken from the mapped file, see Source."""
        self._consumed += len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_source(file: Stored, limits: DecompressionLimits | None = None) -> Source:
    """Open a file in the format that its first bytes tell. Raises OSError."""
    form = format_of(file)
    if form is None:
        return PlainSource(file)
    return CompressedSource(file, form, limits or DecompressionLimits())
