"""Reads blocks of a file one after another, and learns marks from them."""

from typing import Self

from loganalysis.index.blocks import Block, Blocks
from loganalysis.index.known_file import KnownFile
from loganalysis.index.position import Position
from loganalysis.read.errors import SourceError


class LearningReader:
    """Reads blocks from a position on. It is a context manager."""

    def __init__(self, file: KnownFile, position: Position, deadline: float) -> None:
        """`deadline` is in monotonic seconds. Raises OSError."""
        self._file, self._deadline = file, deadline
        stream = self._stream = file.streams.take(file.key, file.text, position.offset)
        self._blocks = Blocks(stream, position)
        self._is_at_start = False
        try:
            self._is_at_start = stream.skip_to(position.offset, deadline)
        except SourceError as error:
            self._blocks.failure = error
        except OSError:
            stream.close()
            raise
        self._learns = file.is_right(position) and position.offset <= file.frontier
        self._newest: Block | None = None

    @property
    def position(self) -> Position:
        """The position of the next block."""
        return self._blocks.position

    @property
    def at_end(self) -> bool:
        """Whether the data has no further block."""
        return self._blocks.at_end or self._stream.at_end or self._blocks.failure is not None

    @property
    def problem(self) -> str | None:
        """Why the file cannot be read to its end."""
        return str(self._blocks.failure) if self._blocks.failure else None

    def next(self) -> Block | None:
        """The next block; None at the end, or when the time is over. Raises OSError."""
        if not self._is_at_start:
            return None
        block = self._blocks.next(self._deadline)
        if self._learns:
            if block is not None:
                self._learn(block)
            elif self.at_end and not self._blocks.failure:
                self._finish()
        return block

    def go_back(self, position: Position, data: bytes) -> None:
        """Return to an earlier position. `data` is all that was read from there on."""
        self._blocks.go_back(position, data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Keep the stream for the next page, unless it has failed, and note its position."""
        if kind is not None:
            self._stream.close()
            return
        if self._learns:
            self._file.issue(self.position)
        self._file.streams.put(self._file.key, self._stream)

    def _learn(self, block: Block) -> None:
        self._newest, marks, at = block, self._file.marks, block.position
        is_first = at.offset == 0 and marks.positions[0].time is None
        if is_first or at.offset >= marks.last.offset + marks.spacing:
            mark = Position(at.offset, at.line, self._file.clock.first(block.data))
            if is_first:
                marks.positions[0] = mark
            else:
                marks.add(mark)

    def _finish(self) -> None:
        marks, newest, end = self._file.marks, self._newest, self.position
        if marks.is_complete or (newest is None and end.offset):
            return  # without the last block, the end of the last line is unknown
        has_rest, last_time = False, marks.last.time
        if newest is not None:
            is_cut = newest.end.mid_line
            has_rest = end.mid_line if is_cut else not newest.data.endswith(b"\n")
            last_time = self._file.clock.last(newest.data, last_time)
        marks.finish(end.line - 1 + has_rest, last_time)
