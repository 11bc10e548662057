"""Many literals in a window at once, by code of our own in C (native/), with the lines they are in.

The library comes with the package `job-service-scan`, one wheel for each kind of processor. Where
it is not here, or gives other answers than Python does, literals are searched for one by one.
"""

import ctypes
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import product, starmap
from pathlib import Path
from typing import Any

from runner.analysis.input.primitives import address_of
from runner.analysis.match.patterns import Literal

Hit = tuple[int, int]
"""The number of a literal, and where in the view it begins: the first on its line."""

_SAMPLE = 64 << 10  # bytes of the data, by which is told what is rare in it
_LINE_OF_CACHE = 64
_BEST_LAST = ({"ssse3"}, {"avx2", "bmi1", "popcnt"})  # what the vectors of each number need


class _Literal(ctypes.Structure):
    """`literal` of scan.h, up to what is asked for here."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("count", "lines", "first_line", "last_line")),
        *((name, ctypes.c_int64) for name in ("resume", "line_end")),
        *((name, ctypes.c_uint32) for name in ("text", "size")),
        *((name, ctypes.c_uint8) for name in ("folded", "wanted", "kind")),
        ("unused", ctypes.c_uint8 * 5),
    )


class _Hit(ctypes.Structure):
    _fields_ = (("literal", ctypes.c_uint32), ("at", ctypes.c_uint32))


class KernelLimits(ctypes.Structure):
    """`limits` of scan.h."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("block", "hits", "work", "together"))


LIMITS = KernelLimits(128 << 10, 8192, 200_000, 32)
_GRAM = 4  # hits, at least, for each literal


class _Scan(ctypes.Structure):
    """The beginning of `scan` of scan.h."""

    _fields_ = (
        ("literals", ctypes.POINTER(_Literal)),
        ("hits", ctypes.POINTER(_Hit)),
        ("newlines", ctypes.c_int64),
        ("hit_count", ctypes.c_uint32),
        ("high", ctypes.c_uint32),
    )


def _declared(path: Path) -> Any:
    """The library, with what its functions take; see scan.c."""
    library = ctypes.CDLL(str(path))
    scan, number, offset, data = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int64, ctypes.c_void_p
    for name, result, arguments in (
        ("memory", offset, (number, number, data)),
        ("new", scan, (data, number, number, data, data, data, number, data)),
        ("plan", None, (scan, data, number)),
        ("window", None, (scan, data, offset, offset, offset)),
        ("on", ctypes.c_int, (scan,)),
    ):
        function = getattr(library, f"scan_{name}")
        function.restype, function.argtypes = result, arguments
    return library


@cache
def _library() -> Any:
    """None where it is not installed."""
    try:
        return _declared(import_module("job_service_scan").LIBRARY)
    except (ImportError, OSError):
        return None


@cache
def _vectors() -> int:
    """Which of the compiled vectors this processor has, the best; -1 for none."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            flags = set(value.split())
            return [needed <= flags for needed in _BEST_LAST].count(True) - 1
    return 0  # on ARM they are said elsewhere, and all have the same


class Kernel:
    """Literals, and what was found of them in all windows so far."""

    def __init__(self, literals: Sequence[Literal], lines: bool, wanted: bool = False) -> None:
        """`lines`: whether they are counted. `wanted`: whether each line is to be told, as a hit;
        `unwant` takes that back for a literal. Literals are known by their place here.

        Only where `available`.
        """
        texts, count = b"".join(each.text for each in literals), len(literals)
        limits = KernelLimits.from_buffer_copy(LIMITS)
        limits.hits = max(limits.hits, _GRAM * count)
        size = _library().scan_memory(count, len(texts), ctypes.byref(limits))
        self._memory = bytearray(size + _LINE_OF_CACHE)
        start = address_of(memoryview(self._memory))
        sizes = (ctypes.c_uint32 * count)(*(len(each.text) for each in literals))
        folded = bytes(each.folded for each in literals)
        self._handle = _library().scan_new(
            *(start + -start % _LINE_OF_CACHE, _vectors(), count),
            *(texts, sizes, folded, lines, ctypes.byref(limits)),
        )
        self._scan = _Scan.from_address(self._handle)
        self.found = self._scan.literals[:count]
        for each in self.found:
            each.wanted = wanted
        self._planned = False

    @property
    def newlines(self) -> int:
        """In all windows so far, if lines are counted."""
        return int(self._scan.newlines)

    @property
    def ascii(self) -> bool:
        """Whether the last window was, so that nobody has to look again."""
        return not self._scan.high

    def unwant(self, number: int) -> None:
        """Tell no more lines of this literal."""
        self.found[number].wanted = False

    def scan(self, view: memoryview, base: int, start: int, end: int) -> Iterator[list[Hit]]:
        """Search the bytes from `start` to `end` of a view.

        What is before them was searched with the last window; the view begins at offset `base` of
        the data. Hits come many at a time, those of a literal from left to right. At least each
        few milliseconds there is a list, perhaps an empty one.
        """
        address = address_of(view)
        if not self._planned:
            _library().scan_plan(self._handle, address, min(end, _SAMPLE))
            self._planned = True
        _library().scan_window(self._handle, address, base, start, end)
        more = True
        while more:
            more = _library().scan_on(self._handle)
            yield [(hit.literal, hit.at) for hit in self._scan.hits[: self._scan.hit_count]]


@cache
def available() -> bool:
    """Whether the library is here and passes its test; asked once a process, some 3 ms."""
    try:
        tests = product(_tests(), (True, False))
        return _library() is not None and _vectors() >= 0 and all(starmap(_agrees, tests))
    except Exception:  # whatever it is, it is not fit
        return False


def _tests() -> list[list[bytes]]:
    few = [b"ab", b"\n", b"aXb"]
    some = [*few, b"aa", b"a", b"b\x00a", b"\xff", b"abcd", b"abcdefgh", b"X\nab"]
    return [few[:1], few, some, [*some, *(b"%07d" % number for number in range(40))]]


def _agrees(texts: list[bytes], lines: bool) -> bool:
    data = bytearray(b"abaab\x00aXb\nab\xff" * 9 + b"0000007\n" + b"abcdefgh" * 20 + b"X\nab")
    data += bytes(range(256)) + b"000001700000180000019\n" + b"a" * 99 + b"b"
    kernel = Kernel([Literal(number, text, False) for number, text in enumerate(texts)], lines)
    half, keep = len(data) // 2, max(map(len, texts)) - 1
    view = memoryview(data)
    for _ in kernel.scan(view, 0, 0, half):
        pass
    ascii = kernel.ascii
    for _ in kernel.scan(view[half - keep :], half - keep, keep, len(data) - half + keep):
        pass
    told = 4 if lines else 1
    found = [(each.count, each.lines, each.first_line, each.last_line) for each in kernel.found]
    ascii = ascii or kernel.ascii  # neither half is
    plainly = [_plainly(bytes(data), text) for text in texts]
    return not ascii and [each[:told] for each in found] == [each[:told] for each in plainly]


def _plainly(data: bytes, text: bytes) -> tuple[int, int, int, int]:
    """The same, by Python alone."""
    lines, count, at = [0], 0, data.find(text)
    while at >= 0:
        count += 1
        lines.append(data.count(b"\n", 0, at) + 1)
        at = data.find(text, at + len(text))
    return count, len(set(lines)) - 1, lines[:2][-1], lines[-1]
