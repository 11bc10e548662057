"""A source in which each record is one line.

    source ──blocks──▶ [ joined ........ | not decided yet ] ──▶ readinto(window)

Newlines within records are replaced, byte for byte, so all offsets stay the same. The last newline
of a block is decided when the start of the line after it is known.
"""

from loganalysis.read.errors import SourceError
from loganalysis.read.window import Reader
from loganalysis.records.c_records import RecordKernel
from loganalysis.records.rule import HEAD_BYTES, SAMPLE_BYTES, RecordRule, Records, rule_of

_BLOCK_BYTES = 2 * SAMPLE_BYTES
"""A smaller buffer is filled from one of this size, so that HEAD_BYTES are always in view."""


class RecordSource:
    """The data of another source, with one line for each record."""

    def __init__(
        self, source: Reader, rule: RecordRule | None, records: Records, modified: float
    ) -> None:
        """Without a rule, the first bytes of the data decide, see rule_of."""
        self._source, self._records, self._modified = source, records, modified
        self._kernel = RecordKernel(rule) if rule else None
        self._block = memoryview(bytearray(_BLOCK_BYTES))
        self._ready = memoryview(b"")  # joined
        self._open = b""  # read, but not decided yet
        self._offset = 0  # of `_open`, in the data
        self._at_end = False
        self._failure: OSError | SourceError | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the bytes read so far are known to be valid UTF-8."""
        return self._source.is_valid

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Reader. Errors are raised after all data before them was read."""
        filled = self._take(buffer)
        while filled < len(buffer) and not (self._at_end and not self._open):
            left = buffer[filled:]
            if len(left) >= len(self._block):
                filled += self._read(left)
            else:
                self._ready = self._block[: self._read(self._block)]
                filled += self._take(left)
        if not filled and self._failure and len(buffer):
            raise self._failure
        return filled

    def _take(self, buffer: memoryview) -> int:
        """Move joined data to a buffer."""
        size = min(len(self._ready), len(buffer))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _read(self, buffer: memoryview) -> int:
        """Fill a large buffer, join its lines, and return the number of bytes that are decided."""
        end = len(self._open)
        buffer[:end] = self._open
        while end < len(buffer) and not self._at_end:
            try:
                size = self._source.readinto(buffer[end:])
            except (OSError, SourceError) as error:
                size, self._failure = 0, error
            end += size
            self._at_end = not size
        if self._kernel is None:
            head = bytes(buffer[: min(end, SAMPLE_BYTES)])
            self._kernel = RecordKernel(rule_of(self._records, head, self._modified))
        stop = end if self._at_end else _decided(buffer, end)
        self._kernel.join(buffer, self._offset, 0, stop, end)
        self._open = bytes(buffer[stop:end])
        self._offset += stop
        return stop


def _decided(data: memoryview, end: int) -> int:
    """The end of the bytes that cannot change, with the start of the line after them known."""
    last = bytes(data[max(end - 1 - HEAD_BYTES, 0) : end])
    newline = last.rfind(b"\n")
    return end if newline < 0 else end - len(last) + newline
