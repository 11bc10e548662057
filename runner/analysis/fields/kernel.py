"""The C code that finds and counts the fields of lines; native/fields.h describes it."""

import ctypes
import struct
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from stringzilla import Str

from runner.analysis.fields.distinct import REGISTERS
from runner.analysis.fields.numbers import EXPONENTS, STEP_BITS, Numbers
from runner.analysis.fields.plan import MAX_FIELDS, FieldPlan
from runner.analysis.fields.program import Walker
from runner.analysis.fields.statistics import SHOWN_BYTES, FieldStatistics
from runner.analysis.match import kernel

MAX_WALKERS = 4
_CACHE_LINE = 64
_COUNTED = struct.Struct("=QqII")  # the C struct `counted`: hash, count, text and size
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


class _Walker(ctypes.Structure):
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
        ("walkers", _Walker * MAX_WALKERS),
        ("field_count", ctypes.c_uint32),
        ("walker_count", ctypes.c_uint32),
    )


@cache
def _library() -> Any:
    library, number, data = kernel.library(), ctypes.c_uint32, ctypes.c_void_p
    for name, result, arguments in (
        ("memory", ctypes.c_int64, (number,) * 4),
        ("new", data, (data, *(number,) * 4)),
        ("lines", None, (data, data, data, ctypes.c_int)),
        ("values", None, (data, number, data, data, number)),
    ):
        function = getattr(library, f"fields_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class FieldKernel:
    """Finds fields in the lines of windows, and holds their statistics for all windows so far."""

    def __init__(self, plan: FieldPlan) -> None:
        """Of the plan's walkers, the first that fits a line will find its fields."""
        bounds = plan.bounds
        sizes = (len(plan.names), bounds.values, bounds.bytes, plan.line_bytes)
        self._memory = bytearray(_library().fields_memory(*sizes) + _CACHE_LINE)
        start = Str(self._memory).address
        self._handle = _library().fields_new(start + -start % _CACHE_LINE, *sizes)
        self._fields = _Fields.from_address(self._handle)
        self._kept: list[Any] = []
        self._count = len(plan.names)
        self.use(plan.walkers)

    def use(self, walkers: Sequence[Walker]) -> None:
        """Find fields with these walkers, with the first four if there are more."""
        walkers = walkers[:MAX_WALKERS]
        for number, walker in enumerate(walkers):
            self._set(self._fields.walkers[number], walker)
        self._fields.walker_count = len(walkers)

    def _set(self, target: _Walker, walker: Walker) -> None:
        steps = (ctypes.c_uint32 * max(len(walker.steps), 1))(*walker.steps)
        texts, classes = (
            ctypes.create_string_buffer(each) for each in (walker.texts, walker.classes)
        )
        self._kept += [steps, texts, classes]
        target.kind, target.step_count = walker.kind, len(walker.steps)
        target.steps = ctypes.addressof(steps)
        target.classes, target.texts = ctypes.addressof(classes), ctypes.addressof(texts)

    def add_lines(self, view: memoryview, start: int, end: int, mid_line: bool) -> None:
        """Add the lines between two positions of a view.

        `mid_line` tells that the first of them began before, so that it is left out.
        """
        address = Str(view).address
        _library().fields_lines(self._handle, address + start, address + end, mid_line)

    def add_values(
        self, field: int, view: memoryview, spans: "ctypes.Array[Any]", count: int
    ) -> None:
        """Add values of a field: pairs of a start and an end in the view."""
        _library().fields_values(self._handle, field, Str(view).address, spans, count)

    def statistics(self) -> list[FieldStatistics]:
        """The statistics of all fields so far."""
        return [_statistics(self._fields.fields[number]) for number in range(self._count)]


def _statistics(values: _Values) -> FieldStatistics:
    texts = ctypes.string_at(values.texts, values.text_bytes)
    entries = ctypes.string_at(values.entries, values.entry_count * _COUNTED.size)
    counts = {
        (texts[text : text + min(size, SHOWN_BYTES)], hash_ if size > SHOWN_BYTES else 0): count
        for hash_, count, text, size in _COUNTED.iter_unpack(entries)
    }
    registers = ctypes.string_at(values.registers, REGISTERS)
    return FieldStatistics(values.count, values.purged, counts, registers, _numbers(values))


def _numbers(values: _Values) -> Numbers:
    if not values.numbers:
        return Numbers()
    counts = (ctypes.c_int64 * (2 * _BUCKETS)).from_address(values.buckets)
    buckets = Counter({0: values.zeros}) if values.zeros else Counter()
    for number, count in enumerate(memoryview(counts).cast("B").cast("q")):
        if count:
            buckets[number + 1 if number < _BUCKETS else _BUCKETS - number - 1] = count
    sums = ctypes.string_at(values.sums, 16 * EXPONENTS)
    total = sum(
        int.from_bytes(sums[16 * at : 16 * at + 16], "little", signed=True) << at
        for at in range(EXPONENTS)
    )
    return Numbers(values.numbers, values.least, values.most, total, buckets)
