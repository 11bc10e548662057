"""Reads the times of lines, and counts lines over time, by the C kernel in native/."""

import ctypes
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from math import floor
from typing import Any

from stringzilla import Str

from loganalysis.match import c_scanner
from loganalysis.read.stored import Stored, next_line_start, read_at
from loganalysis.times.time_bounds import NO_TIMES, TimeBounds
from loganalysis.times.timeline import CELLS, Timeline

SAMPLE_CELLS, MAX_SAMPLES = 64, 20
"""The maximum number of cells from which each pattern gets a sample; a power of two, as each
number of them."""
NO_TIME, OUTSIDE = -1, -2
"""Instead of a second: no line up to here has a time; the line is not between `since` and
`until`."""
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
_SHORTEST_TIME = 10  # bytes of the shortest line with a time; its newline is one more
_CACHE_LINE, _NUMBER_BYTES, _RUN_BYTES = 64, 8, 16
_BLOCK_BYTES = 256 << 10
_PARTS = 1000  # asked for at once
_SPARE_SAMPLES = 4  # that may wait to be forgotten, for each pattern


SampleCells = tuple[int, dict[int, tuple[int, int]]]
"""The shift of the width of cells, and by number the least hash and the count of each."""


class _Rules(ctypes.Structure):
    """The C struct `time_rules`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("latest_year", "latest_second")),
        *((name, ctypes.c_int32) for name in ("head_bytes", "day_first")),
    )


class _Bounds(ctypes.Structure):
    """The C struct `time_bounds`."""

    _fields_ = tuple((name, ctypes.c_int64) for name in ("earliest", "latest", "disorder"))

    def to_python(self) -> TimeBounds:
        has_none = self.latest == NO_TIME
        return NO_TIMES if has_none else TimeBounds(self.earliest, self.latest, self.disorder)


class _SampleCell(ctypes.Structure):
    _fields_ = (("hash", ctypes.c_uint64), ("count", ctypes.c_int64))


class _SampleRow(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("shift", "first", "last", "filled")),
        ("least", ctypes.c_uint64 * MAX_SAMPLES),
        ("cells", _SampleCell * SAMPLE_CELLS),
    )


class _Timeline(ctypes.Structure):
    """The beginning of the C struct `timeline`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("width", "cell_count", "lines")),
        ("cells", ctypes.c_int64 * CELLS),
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library, with the functions that timeline.c exports."""
    number, address = ctypes.c_int64, ctypes.c_void_p
    for name, result, arguments in (
        ("size", number, ()),
        (
            "new",
            None,
            (address, ctypes.c_uint32, address, number, *[address] * 2, *[number] * 2, address),
        ),
        ("begin", None, (address, number, number, number, number)),
        ("window", None, (address, address, number, number, number, ctypes.c_int)),
        ("count", number, (address, address, number, address, number)),
        ("second", number, (address, number)),
        ("parts", number, (address, number, number, address, number)),
        ("hash", ctypes.c_uint64, (address, number)),
        ("first", number, (address, address, number, number, number)),
        ("bounds", None, (address, address)),
        ("bounds_of", None, (ctypes.c_uint32, address, address, number, address)),
    ):
        function = getattr(library, f"timeline_{name}")
        function.restype, function.argtypes = result, arguments
    return library


@dataclass(frozen=True)
class TimeRules:
    """How times are read. `reference` is about when the file was written, or a Reference.

    Only the first `head_bytes` of a line are read.
    """

    reference: float
    head_bytes: int = 1000

    def to_c(self) -> _Rules:
        """The rules as the kernel takes them."""
        latest = self.reference + 86_400
        year = datetime.fromtimestamp(latest, UTC).year
        day_first = getattr(self.reference, "day_first", False)
        return _Rules(year, floor(latest), self.head_bytes, day_first)


@dataclass(frozen=True)
class TimelineOptions:
    """Options of a timeline.

    `width` is the width of the first cells. Only lines from second `since` on and before second
    `until` are counted. `samples` is the number of samples of each pattern, or 0; `sample_cells` is
    the number of cells that each have one, at most SAMPLE_CELLS, and `context` the number of lines
    before and after each sample.
    """

    rules: TimeRules
    width: int = 1
    since: int | None = None
    until: int | None = None
    samples: int = 0
    sample_cells: int = 1
    context: int = 0

    @property
    def has_limits(self) -> bool:
        """Whether some lines are not counted."""
        return self.since is not None or self.until is not None


class TimelineKernel:
    """Counts the lines of windows, and matching lines, by time."""

    def __init__(
        self, options: TimelineOptions, patterns: int, window_bytes: int, origin: int = 0
    ) -> None:
        """`window_bytes` is the size of the largest view; `origin` the offset of the data."""
        self._library = _declared(c_scanner.library())
        self._patterns = patterns
        self._counts = bytearray((patterns + 1) * (CELLS + 1) * _NUMBER_BYTES)
        self._runs = bytearray((window_bytes // _SHORTEST_TIME + 4) * _RUN_BYTES)
        self._samples = (_SampleRow * (2 * patterns if options.samples else 1))()
        self.sample_count, self.sample_cells = options.samples, options.sample_cells
        self._memory = bytearray(self._library.timeline_size() + _CACHE_LINE)
        start = Str(self._memory).address
        self._handle = start + -start % _CACHE_LINE
        self._library.timeline_new(
            *(self._handle, c_scanner.vectors(), ctypes.byref(options.rules.to_c()), patterns + 1),
            *(Str(self._counts).address, Str(self._runs).address),
            *(options.samples, options.sample_cells, ctypes.addressof(self._samples)),
        )
        since = _EARLIEST if options.since is None else options.since
        until = _LATEST if options.until is None else options.until
        self._library.timeline_begin(self._handle, origin, options.width, since, until)
        self._state = _Timeline.from_address(self._handle)

    def read(self, view: memoryview, base: int, start: int, end: int, in_line: bool) -> None:
        """Read the times of the lines that begin between `start` and `end` of a view.

        The view begins at offset `base` of the data. If `in_line`, it starts within a line, which
        was read with the last view.
        """
        address = Str(view).address
        self._library.timeline_window(self._handle, address, base, start, end, in_line)

    def take_bounds(self) -> TimeBounds:
        """The bounds of the times of all lines that were read since the last call."""
        found = _Bounds()
        self._library.timeline_bounds(self._handle, ctypes.byref(found))
        return found.to_python()

    @property
    def handle(self) -> int:
        """The address of the C struct `timeline`, for C code that looks up times of lines."""
        return int(self._handle)

    def count(self, hits: Any, size: int, keys: Any, base: int) -> int:
        """Count matching lines, given as an address of `size` hits, see c_scanner.Kernel.

        `keys` is an array of the numbers of patterns, by the literals of the hits. The hits whose
        lines are samples are moved to the front; returns their number.
        """
        return int(
            self._library.timeline_count(self._handle, _address(hits), size, _address(keys), base)
        )

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of the last view whose lines are counted, as pairs of offsets.

        `start` and `end` are offsets of the data, too.
        """
        found = array("q", bytes(16 * _PARTS))
        while start < end:
            address = found.buffer_info()[0]
            count = self._library.timeline_parts(self._handle, start, end, address, _PARTS)
            for number in range(count):
                yield found[2 * number], found[2 * number + 1]
            start = found[2 * count - 1] if count == _PARTS else end

    def second_at(self, offset: int) -> int:
        """The second of the line at an offset of the data, which must be in the last view.

        That is NO_TIME if no line up to there has a time, and OUTSIDE if it is not counted.
        """
        return int(self._library.timeline_second(self._handle, offset))

    def hash_at(self, offset: int) -> int:
        """The hash of the line with a match at an offset of the data."""
        return int(self._library.timeline_hash(self._handle, offset))

    @property
    def most_samples(self) -> int:
        """More than the kernel can hold of one pattern."""
        return 2 * self.sample_cells + self.sample_count + _SPARE_SAMPLES

    def sample_rows(self, pattern: int) -> tuple[list[SampleCells], list[int]]:
        """The cells of a pattern, with a time and without, and its least hashes."""
        rows, least = self._samples[2 * pattern : 2 * pattern + 2], set[int]()
        found: list[SampleCells] = []
        for row in rows:
            least.update(row.least[: row.filled])
            numbers = range(row.first, row.last + 1)
            cells = ((number, row.cells[number % self.sample_cells]) for number in numbers)
            filled = {number: (cell.hash, cell.count) for number, cell in cells if cell.count}
            found.append((row.shift, filled))
        return found, sorted(least)[: self.sample_count]

    @property
    def timeline(self) -> Timeline:
        """The counts so far."""
        state, numbers = self._state, memoryview(self._counts).cast("q")
        cells = list(state.cells[: state.cell_count])
        places = sorted(range(len(cells)), key=cells.__getitem__)
        rows = []
        for start in range(0, len(numbers), CELLS + 1):
            row = array("q", numbers[start : start + len(cells)].tobytes())
            rows.append(array("q", map(row.__getitem__, places)) if any(row) else array("q"))
        undated = list(numbers[CELLS :: CELLS + 1])
        return Timeline(state.width, array("q", sorted(cells)), rows, undated, state.lines)


def _address(numbers: Any) -> Any:
    return numbers.buffer_info()[0] if isinstance(numbers, array) else numbers


def bounds_of(data: bytes, rules: TimeRules) -> TimeBounds:
    """The bounds of the times of whole lines."""
    library, c_rules, found = _declared(c_scanner.library()), rules.to_c(), _Bounds()
    library.timeline_bounds_of(
        *(c_scanner.vectors(), ctypes.byref(c_rules), Str(data).address, len(data)),
        ctypes.byref(found),
    )
    return found.to_python()


def next_dated_line(file: Stored, cut: int, size: int, rules: TimeRules) -> int:
    """The offset of the first line with a time that begins at or after `cut`, or `size`."""
    library, c_rules = _declared(c_scanner.library()), rules.to_c()
    at = next_line_start(file, cut - 1, size)
    while at < size:
        data = read_at(file, at, _BLOCK_BYTES)
        if not data:
            break
        is_last = at + len(data) >= size
        stop = len(data) if is_last else max(len(data) - rules.head_bytes, 1)
        address = Str(data).address
        found = library.timeline_first(ctypes.byref(c_rules), address, 0, stop, len(data))
        if found >= 0:
            return at + int(found)
        next_line = at - 1 - int(found)
        at = next_line_start(file, next_line - 1, size)
    return size
