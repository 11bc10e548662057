"""Searches a window for many literals at once, with their lines, by the C kernel in native/.

The distribution of this package contains the library for each kind of processor. A checkout does
not: there, the package `job-service-scan` has it.
"""

import ctypes
import platform
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from stringzilla import Str

from loganalysis.match.patterns import Literal

Hit = tuple[int, int]
"""The number of a literal, and the position in the view of its first match on a line."""

_NATIVE = Path(__file__).parents[1] / "native"
_SAMPLE_BYTES = 64 << 10  # data from which the kernel estimates how rare bytes are
_CACHE_LINE = 64


class _Literal(ctypes.Structure):
    """The C struct `literal`, up to the fields that are used here."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("count", "lines", "first_line", "last_line")),
        *((name, ctypes.c_int64) for name in ("resume", "line_end")),
        *((name, ctypes.c_uint32) for name in ("text", "size")),
        *((name, ctypes.c_uint8) for name in ("folded", "report_lines", "kind")),
        ("unused", ctypes.c_uint8 * 5),
    )


class _Hit(ctypes.Structure):
    _fields_ = (("literal", ctypes.c_uint32), ("at", ctypes.c_uint32))


_LIMIT_NAMES = ("block_bytes", "hits", "comparisons", "pass_literals")


class KernelLimits(ctypes.Structure):
    """The C struct `limits`: sizes that kernel.h explains."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in _LIMIT_NAMES)


LIMITS = KernelLimits(128 << 10, 8192, 200_000, 32)
_HITS_PER_LITERAL = 4  # minimum room for hits


class _Scan(ctypes.Structure):
    """The beginning of the C struct `scan`."""

    _fields_ = (
        ("literals", ctypes.POINTER(_Literal)),
        ("hits", ctypes.POINTER(_Hit)),
        ("newlines", ctypes.c_int64),
        ("hit_count", ctypes.c_uint32),
        ("non_ascii", ctypes.c_uint32),
    )


def _load_library(path: Path) -> ctypes.CDLL:
    """Load the library, and declare the functions that scan.c exports."""
    library = ctypes.CDLL(str(path))
    scan, number, offset, data = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int64, ctypes.c_void_p
    for name, result, arguments in (
        ("vectors", ctypes.c_int, ()),
        ("memory", offset, (number, number, data)),
        ("new", scan, (data, number, number, data, data, data, number, data)),
        ("plan", None, (scan, data, number)),
        ("window", None, (scan, data, offset, offset, offset)),
        ("continue", ctypes.c_int, (scan,)),
    ):
        function = getattr(library, f"scan_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def library() -> ctypes.CDLL:
    """The library, for the modules that declare further functions of it."""
    return _library()


def vectors() -> int:
    """The number of the vectors that the library uses."""
    return _vectors()


def load() -> None:
    """Load the library, which forked processes then share.

    Raises ImportError or OSError if it is not installed, and RuntimeError for a processor that is
    too old.
    """
    _library()
    if _vectors() < 0:
        raise RuntimeError("this processor has no SSSE3")


@cache
def _library() -> ctypes.CDLL:
    bundled = _NATIVE / f"scan-{sys.platform}-{platform.machine().lower()}.library"
    return _load_library(bundled if bundled.exists() else import_module("job_service_scan").LIBRARY)


@cache
def _vectors() -> int:
    """The number of the best vectors that this processor has, -1 for none; see scan.c."""
    return int(_library().scan_vectors())


class Kernel:
    """Searches windows for literals, and holds the counts for all windows so far."""

    def __init__(
        self, literals: Sequence[Literal], lines: bool, report_lines: bool = False
    ) -> None:
        """Count lines if `lines`; report each line as a hit if `report_lines`.

        Literals are numbered in the order given.
        """
        texts, count = b"".join(each.text for each in literals), len(literals)
        limits = KernelLimits.from_buffer_copy(LIMITS)
        limits.hits = max(limits.hits, _HITS_PER_LITERAL * count)
        size = _library().scan_memory(count, len(texts), ctypes.byref(limits))
        self._memory = bytearray(size + _CACHE_LINE)
        start = Str(self._memory).address
        sizes = (ctypes.c_uint32 * count)(*(len(each.text) for each in literals))
        folded = bytes(each.folded for each in literals)
        self._handle = _library().scan_new(
            *(start + -start % _CACHE_LINE, _vectors(), count),
            *(texts, sizes, folded, lines, ctypes.byref(limits)),
        )
        self._scan = _Scan.from_address(self._handle)
        self.literals = self._scan.literals[:count]
        for each in self.literals:
            each.report_lines = report_lines
        self.indexes = [each.index for each in literals]
        self._planned = False

    @property
    def newlines(self) -> int:
        """The number of newlines in all windows so far, if lines are counted."""
        return int(self._scan.newlines)

    def line_numbers(self) -> tuple[list[int], list[int]]:
        """The numbers of the first and the last line of each literal, 0 if there is none yet."""
        words = ctypes.sizeof(_Literal) // ctypes.sizeof(ctypes.c_int64)
        numbers = (ctypes.c_int64 * (words * len(self.literals))).from_address(
            ctypes.addressof(self._scan.literals.contents)
        )
        every = memoryview(numbers).cast("B").cast("q")
        return every[2::words].tolist(), every[3::words].tolist()

    def skip_lines(self, newlines: int) -> None:
        """Number the lines as if data with so many newlines had been scanned."""
        self._scan.newlines += newlines

    @property
    def ascii(self) -> bool:
        """Whether all bytes of the last window are ASCII."""
        return not self._scan.non_ascii

    def stop_reporting(self, number: int) -> None:
        """Stop reporting the lines of this literal."""
        self.literals[number].report_lines = False

    @property
    def hits(self) -> Any:
        """The address of the last batch of hits, structs of two 32-bit numbers as in Hit."""
        return self._scan.hits

    def scan(self, view: memoryview, base: int, start: int, end: int) -> Iterator[list[Hit]]:
        """Search `start` to `end` of a view that begins at offset `base` of the data.

        The bytes before `start` were searched with the last window. Yields hits in batches,
        ascending for each literal. A batch comes every few milliseconds, even if it is empty.
        """
        for size in self.scan_batches(view, base, start, end):
            yield [(hit.literal, hit.at) for hit in self._scan.hits[:size]]

    def scan_batches(self, view: memoryview, base: int, start: int, end: int) -> Iterator[int]:
        """Do the same as `scan`, and yield only the number of `hits` in each batch."""
        address = Str(view).address
        if not self._planned:
            _library().scan_plan(self._handle, address, min(end, _SAMPLE_BYTES))
            self._planned = True
        _library().scan_window(self._handle, address, base, start, end)
        unfinished = True
        while unfinished:
            unfinished = _library().scan_continue(self._handle)
            yield self._scan.hit_count
