"""Whole records of a file, in blocks.

blocks of lines ──▶ [ records ........ | the last one ] ──▶ block of records
                                            └── it may go on: waits for the next block
"""

from loganalysis.index.blocks import Block
from loganalysis.index.learner import LearningReader
from loganalysis.index.position import Position
from loganalysis.records.c_records import RecordKernel
from loganalysis.records.rule import RecordRule

SYNC_BYTES = 512 << 10
"""How far the first line that begins a record is looked for."""


class RecordReader:
    """Reads blocks that end with a record, from the position of another reader on.

    That position must be the start of a record, unless `find_start` comes first.
    """

    def __init__(self, reader: LearningReader, rule: RecordRule) -> None:
        self._reader, self._rule = reader, rule
        self._kernel = RecordKernel(rule)
        self._open, self._open_at = b"", reader.position

    @property
    def position(self) -> Position:
        """The position of the next block."""
        return self._open_at if self._open else self._reader.position

    @property
    def at_end(self) -> bool:
        """Whether the data has no further block."""
        return self._reader.at_end and not self._open

    @property
    def problem(self) -> str | None:
        """Why the file cannot be read to its end."""
        return self._reader.problem

    def find_start(self) -> bool | None:
        """Go on to the next line that begins a record by the rule; return whether it is near.

        It is None if the time is over. Raises OSError.
        """
        begins, start = self._rule.matcher(), self._reader.position.offset
        while self._reader.position.offset < start + SYNC_BYTES:
            block = self._reader.next()
            if block is None:
                return False if self._reader.at_end else None
            at = 0
            while at < len(block.data):
                end = block.data.find(b"\n", at)
                end = len(block.data) if end < 0 else end
                if begins(block.data[at:end]):
                    self._reader.go_back(block.position.of_line(block.data, at), block.data[at:])
                    return True
                at = end + 1
        return False

    def next(self) -> Block | None:
        """The next block; None at the end, or when the time is over. Raises OSError."""
        while (block := self._reader.next()) is not None:
            at = self._open_at if self._open else block.position
            data = self._open + block.data
            joined = self._joined(data, at.offset)
            # The data behind a line that is too long begins a record.
            stop = len(data) if block.end.mid_line else joined.rfind(b"\n", 0, len(data) - 1) + 1
            end = block.end if stop == len(data) else at.of_line(data, stop)
            self._open, self._open_at = data[stop:], end
            if stop:
                return Block(data[:stop], at, end, joined[:stop])
        if not self._open or not self._reader.at_end:
            return None
        data, at, self._open = self._open, self._open_at, b""
        return Block(data, at, self._reader.position, self._joined(data, at.offset))

    def go_back(self, position: Position, data: bytes) -> None:
        """Return to the start of an earlier record. `data` is all that was read from there on."""
        self._reader.go_back(position, data + self._open)
        self._open = b""

    def _joined(self, data: bytes, offset: int) -> bytes:
        """The lines from the start of a record on, with one line for each record."""
        joined = bytearray(data)
        self._kernel.begin_at(offset)
        self._kernel.join(memoryview(joined), offset, 0, len(data), len(data))
        return bytes(joined)
