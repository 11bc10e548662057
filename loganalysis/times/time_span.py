"""The time span of a file: from the first time near its start to the last time near its end."""

from collections.abc import Iterable
from math import ceil
from pathlib import Path

from loganalysis.read.stored import Stored, read_at, size_of
from loganalysis.read.window import LINE_HEAD_BYTES
from loganalysis.times.line_times import LineTimes

EDGE_BYTES = 32 << 10
_STEP_BYTES = 8 << 10
_BLOCK_BYTES = 8 << 10
_BLOCK_LINES = 2
_PLACES = 32
_PLACE_BYTES = 4 << 10


class TimeSpan:
    """Finds the first time in the first 32 KiB of data, and the last time in the last 32 KiB.

    `feed` also keeps blocks of a few lines, from places all over its data.
    """

    def __init__(self) -> None:
        self._head = self._tail = b""
        self._blocks = list[bytes]()
        self._bytes = self._next_block = 0
        self._is_cut = False  # whether the data is larger than the tail

    @classmethod
    def of_file(cls, file: Stored) -> "TimeSpan":
        """The time span of a plain file. Raises OSError."""
        span, size = cls(), size_of(file)
        span._head = read_at(file, 0, EDGE_BYTES)
        span._tail = read_at(file, max(size - EDGE_BYTES, 0), EDGE_BYTES)
        span._is_cut = size > EDGE_BYTES
        return span

    def feed(self, window: memoryview) -> None:
        """Add the next bytes of the data."""
        self._head += window[: EDGE_BYTES - len(self._head)]
        joined = self._tail + window[-EDGE_BYTES:]
        self._is_cut = self._is_cut or len(joined) > EDGE_BYTES
        self._tail = joined[-EDGE_BYTES:]
        while (at := self._next_block - self._bytes) < len(window):
            lines = bytes(window[at : at + _BLOCK_BYTES]).split(b"\n", _BLOCK_LINES + 1)
            first = 1 if self._next_block else 0
            self._blocks.append(_heads(lines[first : first + _BLOCK_LINES]))
            self._next_block += max(_STEP_BYTES, self._next_block >> 3)
        self._bytes += len(window)

    @property
    def blocks(self) -> list[bytes]:
        """Heads of lines at the start, at most an eighth of the data apart, and at the end."""
        last_lines = self._tail[-_BLOCK_BYTES:].rstrip(b"\n").split(b"\n")[1:]
        return [*self._blocks, _heads(last_lines[-_BLOCK_LINES:])]

    def times(self, line_times: LineTimes) -> tuple[float, float] | None:
        """The first and last time in epoch seconds, or None if neither is found."""
        first_lines, last_lines = self._head.split(b"\n"), self._tail.split(b"\n")
        if self._is_cut:
            last_lines.pop(0)
            if len(first_lines) > 1:
                first_lines.pop()  # cut off, perhaps within its time
        found = (_first_time(first_lines, line_times), _first_time(last_lines[::-1], line_times))
        known = [time for time in found if time is not None]
        return (known[0], known[-1]) if known else None


def _heads(lines: Iterable[bytes]) -> bytes:
    return b"".join(line[:LINE_HEAD_BYTES] + b"\n" for line in lines)


class KnownSpan:
    """A time span that was found already."""

    def __init__(self, span: tuple[float, float] | None) -> None:
        self._span = span

    def times(self, line_times: LineTimes) -> tuple[float, float] | None:
        """The first and last time, as TimeSpan has it."""
        return self._span


def shortest_half(file: Stored, line_times: LineTimes) -> tuple[float, float] | None:
    """The shortest span that has half of the times at 32 places of a plain file.

    None without any, and for a file that is not on a local disk. The axis of a timeline is never
    shorter, since it leaves out fewer lines. Raises OSError.
    """
    if not isinstance(file, Path):  # each place is a request
        return None
    size = size_of(file)
    found = (_time_near(file, size * place // _PLACES, line_times) for place in range(_PLACES))
    times = sorted(time for time in found if time is not None)
    count = ceil(len(times) / 2)
    spans = zip(times, times[count - 1 :], strict=False) if times else ()
    return min(spans, key=lambda span: span[1] - span[0], default=None)


def _time_near(file: Stored, offset: int, line_times: LineTimes) -> float | None:
    """The first time in the whole lines of a block."""
    lines = read_at(file, offset, _PLACE_BYTES).split(b"\n")
    return _first_time(lines[1 if offset else 0 : max(len(lines) - 1, 1)], line_times)


def _first_time(lines: Iterable[bytes], line_times: LineTimes) -> float | None:
    times = (line_times.time_of(line[:LINE_HEAD_BYTES]) for line in lines)
    return next((time for time in times if time is not None), None)
