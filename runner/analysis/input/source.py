"""The interface of a stream of bytes from a file, and its error.

A source yields every byte that it can before it raises an error, and a truncated file is an error.
So a count is never silently wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from runner.analysis.input.mapped import MappedFile


class SourceError(Exception):
    """The data cannot be read further.

    `file_offset` counts bytes of the stored file, `data_offset` the bytes of data before the error.
    """

    def __init__(self, problem: str, file_offset: int, data_offset: int) -> None:
        super().__init__(problem, file_offset, data_offset)
        self.problem = problem
        self.file_offset = file_offset
        self.data_offset = data_offset

    def __str__(self) -> str:
        return (
            f"{self.problem} (at byte {self.file_offset} of the file, "
            f"after {self.data_offset} bytes of data)"
        )


@dataclass(frozen=True)
class DecompressionLimits:
    """Limits for decompressed data; a file that exceeds them raises SourceError."""

    max_total_bytes: int | None = None  # MAX_DATA_BYTES of the worker; None for any size
    max_ratio: int = 1000  # MAX_DATA_RATIO: data bytes for each file byte; logs have about 20
    ratio_from_bytes: int = 1 << 30  # the ratio is not checked below: that takes about a second


class Source(ABC):
    """A stream of bytes from a file, read once from start to end."""

    format: str  # plain, gzip, zstd, xz or bzip2
    bytes_total: int  # of the file as it is stored

    @property
    @abstractmethod
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read, for progress reports."""

    @abstractmethod
    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next bytes. Fewer are read only at the end; 0 is the end.

        Raises SourceError after all data before the error was read, and again at each call.
        """

    def mapped_file(self) -> MappedFile | None:
        """The mapped file, if its bytes are the data. Call it before anything is read.

        A caller that takes the data from there must report it with `mark_consumed`, and must not
        call `readinto`.
        """
        return None

    def mark_consumed(self, data: memoryview, ascii: bool) -> None:  # noqa: B027  not abstract
        """Note the next bytes, which were taken from the mapped file; empty data at its end.

        `ascii` is true if the bytes are known to be ASCII.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class PiecedSource(Source):
    """A source whose data comes from an iterator, in pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._failure: SourceError | None = None

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer from the next pieces, see Source."""
        filled = 0
        while filled < len(buffer) and self._has_data(filled):
            size = min(len(self._piece), len(buffer) - filled)
            buffer[filled : filled + size] = self._piece[:size]
            self._piece = self._piece[size:]
            filled += size
        return filled

    def _has_data(self, filled: int) -> bool:
        """Whether there is more data. Raises an error only after the data before it was read."""
        try:
            while not self._piece and self._failure is None:
                self._piece = memoryview(next(self._pieces))
        except StopIteration:
            return False
        except SourceError as error:
            self._failure = error
        if self._failure is not None and not filled:
            raise self._failure
        return self._failure is None
