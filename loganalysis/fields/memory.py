"""The memory in which C counts the values of fields; native/fields.h describes it."""

import ctypes
import heapq
import mmap
import struct
import sys
from collections import Counter
from functools import cache
from itertools import compress

from stringzilla import Str

from loganalysis.fields.distinct import REGISTERS
from loganalysis.fields.numbers import EXPONENTS, STEP_BITS, Numbers
from loganalysis.fields.plan import MAX_FIELDS
from loganalysis.fields.sketches import Sketch, SketchHead, read_sketch
from loganalysis.fields.statistics import SHOWN_BYTES, Bounds, FieldStatistics, Value
from loganalysis.match import c_scanner

MAX_WALKERS = 4
_COUNTED = struct.Struct("=QqII")  # the C struct `counted`: hash, count, text and size
_WORDS = _COUNTED.size // 8
_BUCKETS = EXPONENTS << STEP_BITS  # of positive numbers, and of negative ones


class _Values(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("count", "purged", "numbers", "zeros")),
        *((name, ctypes.c_double) for name in ("least", "most")),
        *((name, ctypes.c_uint32) for name in ("entry_count", "entry_limit")),
        *((name, ctypes.c_uint32) for name in ("text_bytes", "text_limit", "slot_mask", "unused")),
        ("entries", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("texts", ctypes.c_void_p),
        ("registers", ctypes.c_void_p),
        ("buckets", ctypes.c_void_p),
        ("sums", ctypes.c_void_p),
    )


class CWalker(ctypes.Structure):
    """The C struct `walker`."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("step_count", ctypes.c_uint32),
        ("steps", ctypes.c_void_p),
        ("classes", ctypes.c_void_p),
        ("texts", ctypes.c_void_p),
    )


class _Fields(ctypes.Structure):
    """The beginning of the C struct `fields`."""

    _fields_ = (
        ("fields", _Values * MAX_FIELDS),
        ("walkers", CWalker * MAX_WALKERS),
        ("field_count", ctypes.c_uint32),
        ("walker_count", ctypes.c_uint32),
    )


@cache
def library() -> ctypes.CDLL:
    """The library, with the functions that fields.c and packed.c export."""
    found, number, data, size = (
        c_scanner.library(),
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_int64,
    )
    for name, result, arguments in (
        ("memory", size, (number,) * 5),
        ("new", data, (data, *(number,) * 5)),
        ("lines", None, (data, data, data, ctypes.c_int)),
        ("values", None, (data, number, data, data, number, data)),
        ("times", None, (data, data, data, size)),
        ("pack", size, (data, data)),
        ("merge", ctypes.c_int, (data, data, size)),
        ("sketch", ctypes.POINTER(SketchHead), (data, number, size, size, size)),
        ("width", size, (data,)),
        ("hash", ctypes.c_uint64, (data, size)),
    ):
        function = getattr(found, f"fields_{name}")
        function.restype, function.argtypes = result, arguments
    return found


def _new_memory(size: int) -> mmap.mmap:
    """So many zeros of this process alone, whose pages are in memory once they are used."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    else:
        return mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class FieldMemory:
    """The statistics of some fields, in memory that C writes.

    `over_time` has a bit for each field that is also counted by the time of its line.
    """

    def __init__(self, fields: int, bounds: Bounds, over_time: int = 0, line_bytes: int = 0):
        """Only the first `line_bytes` of a line are read, if lines are read at all."""
        self.count, self.over_time = fields, over_time
        sizes = (fields, bounds.values, bounds.bytes, line_bytes, over_time)
        size = library().fields_memory(*sizes)
        self._memory = _new_memory(size)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self.handle = library().fields_new(address, *sizes)
        """The address of the C struct."""
        self.content = _Fields.from_address(self.handle)

    def packed(self) -> bytes:
        """All statistics as bytes, for `merge`."""
        packed = bytearray(library().fields_pack(self.handle, None))
        library().fields_pack(self.handle, Str(packed).address)
        return bytes(packed)

    def merge(self, packed: bytes) -> None:
        """Add the statistics of another part, which has the same fields. Raises ValueError."""
        if not library().fields_merge(self.handle, Str(packed).address, len(packed)):
            raise ValueError("the statistics of fields are damaged")

    def lines_with(self, field: int) -> int:
        """The number of lines that have a field."""
        return int(self.content.fields[field].count)

    def statistics(self, field: int, top: int | None = None) -> FieldStatistics:
        """The statistics of a field, only with so many of the most frequent values, if given.

        Values with equal counts may be more.
        """
        values = self.content.fields[field]
        counts = _counts(values, top)
        registers = ctypes.string_at(values.registers, REGISTERS)
        found = FieldStatistics(values.count, values.purged, counts, registers, _numbers(values))
        found.values = None if top is None else values.entry_count
        return found

    @property
    def cell_seconds(self) -> int:
        """The width of the cells of time that the memory has now."""
        return int(library().fields_width(self.handle))

    def sketch(self, field: int, width: int, number: int) -> Sketch:
        """The statistics of a field over time in one bin: in seconds from `number * width` on.

        The width must be a multiple of `cell_seconds`.
        """
        found = library().fields_sketch(self.handle, field, width, number, 1)
        return read_sketch(found, self.over_time.bit_count())


def hash_of(value: Value) -> int:
    """The hash that identifies a value in C."""
    text, number = value
    return number or int(library().fields_hash(Str(text).address, len(text)))


def _counts(values: _Values, top: int | None) -> dict[Value, int]:
    entries = ctypes.string_at(values.entries, values.entry_count * _COUNTED.size)
    chosen = _COUNTED.iter_unpack(entries)
    if top is not None and top < values.entry_count:
        counts = memoryview(entries).cast("q")[1::_WORDS].tolist()
        least = min(heapq.nlargest(top, counts), default=max(counts) + 1)
        at = [number for number, count in enumerate(counts) if count >= least]
        chosen = (_COUNTED.unpack_from(entries, number * _COUNTED.size) for number in at)
    texts = ctypes.string_at(values.texts, values.text_bytes)
    return {
        (texts[text : text + min(size, SHOWN_BYTES)], hash_ if size > SHOWN_BYTES else 0): count
        for hash_, count, text, size in chosen
    }


def _numbers(values: _Values) -> Numbers:
    if not values.numbers:
        return Numbers()
    counts = (ctypes.c_int64 * (2 * _BUCKETS)).from_address(values.buckets)
    buckets = Counter({0: values.zeros}) if values.zeros else Counter()
    filled = memoryview(counts).cast("B").cast("q").tolist()
    for number in compress(range(2 * _BUCKETS), filled):
        buckets[number + 1 if number < _BUCKETS else _BUCKETS - number - 1] = filled[number]
    sums = ctypes.string_at(values.sums, 16 * EXPONENTS)
    total = sum(
        int.from_bytes(sums[16 * at : 16 * at + 16], "little", signed=True) << at
        for at in range(EXPONENTS)
    )
    return Numbers(values.numbers, values.least, values.most, total, buckets)
