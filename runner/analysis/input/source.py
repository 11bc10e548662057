"""What a stream of bytes out of a file is, and what is wrong with one.

Every byte that can be had is given before an error is raised, and a file that is cut short is an
error: no count is ever wrong in silence.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from runner.analysis.input.mapped import MappedFile


class SourceError(Exception):
    """Data that cannot be read: what is wrong, and where.

    `file_offset` counts bytes of the file as it is stored, `data_offset` those given before.
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
    """Bounds of what a compressed file may become; beyond them it is a SourceError."""

    max_total_bytes: int | None = None  # MAX_DATA_BYTES of the worker; None for any size
    max_ratio: int = 1000  # MAX_DATA_RATIO: bytes of data for one of the file; logs have 20
    ratio_from_bytes: int = 1 << 30  # less data may have any ratio: it takes a second or so


class Source(ABC):
    """A stream of bytes out of a file, read once from its start to its end."""

    format: str  # plain, gzip, zstd, xz or bzip2
    bytes_total: int  # of the file as it is stored

    @property
    @abstractmethod
    def bytes_done(self) -> int:
        """How many bytes of the stored file are read; for progress."""

    @abstractmethod
    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next bytes of data; fewer only at the end, and 0 is the end.

        Raises SourceError once all data before the trouble was given, and again at each call.
        """

    def mapped(self) -> MappedFile | None:
        """The file, where its bytes are the data. To be asked before anything is read.

        Whoever takes the data from there tells `passed` of it, instead of calling `readinto`.
        """
        return None

    def passed(self, data: memoryview, ascii: bool) -> None:  # noqa: B027  it may have no use
        """Note the next bytes, which were not read but taken from the file; none at its end.

        `ascii`: whether it is known that they are nothing else.
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
    """A source whose data comes in pieces of any size, as an iterator gives them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._failure: SourceError | None = None

    def readinto(self, buffer: memoryview) -> int:
        """As Source.readinto."""
        filled = 0
        while filled < len(buffer) and self._has_piece(filled):
            size = min(len(self._piece), len(buffer) - filled)
            buffer[filled : filled + size] = self._piece[:size]
            self._piece = self._piece[size:]
            filled += size
        return filled

    def _has_piece(self, filled: int) -> bool:
        """Whether there is more data. An error waits until the data before it was given."""
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
