"""Counts lines by their shapes with the C kernel in native/."""

import ctypes
import os
from functools import cache

from stringzilla import Str

from loganalysis.match import c_scanner
from loganalysis.templates.bins import MAX_BINS, WIDTHS, Bins
from loganalysis.templates.shapes import MAX_PARTS, TIME_BYTES
from loganalysis.templates.table import MAX_SHAPES, Shape, ShapeTable
from loganalysis.times.c_timeline import TimeRules

_NO_TIME = -1
_CACHE_LINE = 64


class _Shape(ctypes.Structure):
    """The C struct `shape`."""

    _fields_ = (
        ("hash", ctypes.c_uint64),
        *((name, ctypes.c_int64) for name in ("count", "first_line", "last_line")),
        *((name, ctypes.c_int64) for name in ("first_time", "last_time")),
        ("sample_size", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
        ("sample", ctypes.c_uint8 * TIME_BYTES),
    )


class _Shapes(ctypes.Structure):
    """The beginning of the C struct `shapes`."""

    _fields_ = (
        ("shapes", ctypes.POINTER(_Shape)),
        ("counts", ctypes.c_void_p),
        ("index", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("lines", "width", "bin_count")),
        ("bins", ctypes.c_int64 * MAX_BINS),
        ("seed", ctypes.c_uint64),
        *((name, ctypes.c_uint32) for name in ("shape_count", "max_shapes", "max_bins")),
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library, with the functions that shapes.c exports."""
    address, number, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int64
    for name, result, arguments in (
        ("memory", size, (number, number)),
        ("new", address, (address, number, number, number, ctypes.c_uint64, address)),
        ("clear", None, (address, size, number)),
        ("add", size, (address, address, size)),
        ("records", None, (address,)),
    ):
        function = getattr(library, f"shapes_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class KernelCounter:
    """A LineCounter, see collector.py.

    The kernel has a table of its own. When that is full, it is merged into the table of this
    object and cleared.
    """

    def __init__(
        self,
        modified: float,
        max_shapes: int = MAX_SHAPES,
        max_bins: int = MAX_BINS,
        are_records: bool = False,
    ) -> None:
        """`modified` is the time of the file, see LineTimes. table.py explains the limits.

        If `are_records`, each line has the lines of a record, which records/rule.py explains.
        """
        self._library = _declared(c_scanner.library())
        self._table = ShapeTable()
        size = self._library.shapes_memory(max_shapes, max_bins)
        self._memory = bytearray(size + _CACHE_LINE)
        start = Str(self._memory).address
        rules = TimeRules(modified, TIME_BYTES).to_c()
        self._handle = self._library.shapes_new(
            *(start + -start % _CACHE_LINE, c_scanner.vectors(), max_shapes, max_bins),
            *(int.from_bytes(os.urandom(8)), ctypes.byref(rules)),
        )
        self._shapes = _Shapes.from_address(self._handle)
        if are_records:
            self._library.shapes_records(self._handle)
        self._clear()

    def add_lines(self, lines: memoryview) -> None:
        """Count lines that end with a newline each."""
        address, size, done = Str(lines).address, len(lines), 0
        while True:
            done += self._library.shapes_add(self._handle, address + done, size - done)
            if done == size:
                return
            self._drain()

    def skip_lines(self, number: int) -> None:
        """Number the next lines as if `number` lines had been counted."""
        self._shapes.lines += number

    @property
    def size(self) -> int:
        """The number of shapes in both tables. A shape that is in both counts twice."""
        return self._table.size + int(self._shapes.shape_count)

    def table(self) -> ShapeTable:
        """The table of all lines so far."""
        self._drain()
        return self._table

    def _clear(self) -> None:
        max_parts = MAX_PARTS[self._table.level]
        self._library.shapes_clear(self._handle, WIDTHS[self._table.width], max_parts)

    def _drain(self) -> None:
        """Move the kernel's counts to the table, which then may need another level or width."""
        found = self._shapes
        part = ShapeTable()
        part.level, part.width = self._table.level, WIDTHS.index(found.width)
        bins = list(found.bins[: found.bin_count])
        rows = [place * found.max_shapes for place in range(len(bins))]
        counts = self._counts()
        for number in range(found.shape_count):
            counted = zip(bins, (counts[row + number] for row in rows), strict=True)
            kept = Bins({at: count for at, count in counted if count})
            part.add(_shape(found.shapes[number], kept))
        self._table.lines = found.lines
        self._table.include(part)
        self._clear()

    def _counts(self) -> memoryview:
        """The kernel's numbers of lines, by bin and shape."""
        found = self._shapes
        size = found.max_bins * found.max_shapes
        return memoryview((ctypes.c_uint32 * size).from_address(found.counts)).cast("B").cast("I")


def _shape(found: _Shape, bins: Bins) -> Shape:
    sample, has_time = bytes(found.sample[: found.sample_size]), found.first_time != _NO_TIME
    shape = Shape(sample, found.count, found.first_line, found.last_line, bins=bins)
    if has_time:
        shape.first_time, shape.last_time = float(found.first_time), float(found.last_time)
    return shape
