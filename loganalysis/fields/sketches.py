"""The statistics of a field in one bin of time, as C has them: native/sketch.c explains them."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from loganalysis.fields import distinct
from loganalysis.fields.numbers import EXPONENTS, LEAST_EXPONENT, STEP_BITS
from loganalysis.read.json_values import JsonValue

_NEGATIVE = EXPONENTS << STEP_BITS
_STEPS = 1 << STEP_BITS


class SketchHead(ctypes.Structure):
    """The C struct `sketch`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("count", "numbers", "zeros")),
        *((name, ctypes.c_uint32) for name in ("purged", "entry_count", "bucket_count", "level")),
        *((name, ctypes.c_uint32) for name in ("is_estimated", "unused")),
    )


@dataclass(frozen=True)
class Sketch:
    """The statistics of a bin.

    `counts` are by the hash of a value, and each is at most `purged` too low. A bucket `key` has
    the numbers of 2 to the power of `level` buckets of native/numbers.c.
    """

    count: int
    purged: int
    counts: dict[int, int]
    distinct: int
    is_estimated: bool
    zeros: int
    level: int
    buckets: dict[int, int]

    def quantiles(self, shares: Sequence[float]) -> list[float] | None:
        """The numbers at these ranks, as Numbers.quantiles has them; None without numbers."""
        by_size = {_middle_of(key, self.level): count for key, count in self.buckets.items()}
        if self.zeros:
            by_size[0.0] = self.zeros
        ordered = sorted(by_size)
        ends = list(accumulate(by_size[number] for number in ordered))
        if not ends:
            return None
        ranks = [int(share * (ends[-1] - 1)) for share in shares]
        return [
            next(number for number, end in zip(ordered, ends, strict=True) if rank < end)
            for rank in ranks
        ]

    @property
    def relative_error(self) -> float:
        """The largest error of a quantile, as a share of it."""
        if not self.buckets:
            return 0.0
        ratio = _edge(1 << self.level) / _edge(0)
        return (ratio - 1) / (ratio + 1)


def read_sketch(head: JsonValue, fields: int) -> Sketch:
    """The content of a C sketch, of an analysis with so many fields over time."""
    entry_limit = 128 if fields <= 4 else 64 if fields <= 8 else 32
    slots, bucket_slots, at = 2 * entry_limit, 8 * entry_limit, ctypes.addressof(head.contents)
    at += ctypes.sizeof(SketchHead)
    tables: list[list[int]] = []
    for kind, size in (
        *((ctypes.c_uint64, slots), (ctypes.c_uint32, slots)),
        *((ctypes.c_uint32, bucket_slots), (ctypes.c_uint16, bucket_slots)),
    ):
        table = (kind * size).from_address(at)
        tables.append(list(table))
        at += ctypes.sizeof(table)
    hashes, counts, bucket_counts, keys = tables
    content = head.contents
    registers = ctypes.string_at(at, distinct.CELL_REGISTERS)
    return Sketch(
        count=content.count,
        purged=content.purged,
        counts={each: count for each, count in zip(hashes, counts, strict=True) if each},
        distinct=distinct.estimate(registers) if content.is_estimated else content.entry_count,
        is_estimated=bool(content.is_estimated),
        zeros=content.zeros,
        level=content.level,
        buckets={key - 1: n for key, n in zip(keys, bucket_counts, strict=True) if key},
    )


def _middle_of(key: int, level: int) -> float:
    """The number from which the ends of a bucket differ by the same share of themselves."""
    first = (key & (_NEGATIVE - 1)) << level
    low, high = _edge(first), _edge(first + (1 << level))
    size = 2 * low * high / (low + high)
    return -size if key & _NEGATIVE else size


def _edge(bucket: int) -> float:
    """The least number of a bucket of native/numbers.c."""
    exponent, step = divmod(bucket, _STEPS)
    return float(2.0 ** (exponent + LEAST_EXPONENT) * (1 + step / _STEPS))
