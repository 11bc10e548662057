"""The statistics of a field in a part of a file, and how those of parts are merged."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.analysis.fields import distinct
from runner.analysis.fields.numbers import RELATIVE_ERROR, Numbers

SHOWN_BYTES = 256
"""Bytes of a value that are kept. Longer values are told apart by a hash of 64 bits."""
Value = tuple[bytes, int]
"""The first 256 bytes of a value, and its hash if it is longer, else 0."""
_TOTAL_VALUES, _MOST_VALUES = 64 << 10, 32 << 10
_VALUE_BYTES = 64  # on average
_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Bounds:
    """How much of a field is held in memory: different values, and their bytes."""

    values: int
    bytes: int

    @classmethod
    def of(cls, fields: int) -> "Bounds":
        """The bounds of each of so many fields. All together have up to 65,536 values."""
        values = _MOST_VALUES
        while values * fields > _TOTAL_VALUES:
            values //= 2
        return cls(values, values * _VALUE_BYTES)


@dataclass
class FieldStatistics:
    """A field's statistics in a part of a file.

    Each of `counts` is at most `purged` too low. A value that is missing occurred at most
    `purged` times.
    """

    count: int = 0
    purged: int = 0
    counts: dict[Value, int] = field(default_factory=dict)
    registers: bytes = bytes(distinct.REGISTERS)
    numbers: Numbers = field(default_factory=Numbers)

    def merge(self, other: "FieldStatistics", bounds: Bounds) -> None:
        """Add the statistics of another part."""
        self.count += other.count
        self.purged += other.purged
        for value, count in other.counts.items():
            self.counts[value] = self.counts.get(value, 0) + count
        self.registers = distinct.merged(self.registers, other.registers)
        self.numbers.merge(other.numbers)
        if not _fits(self.counts, bounds.values, bounds.bytes):
            self._purge(bounds)

    def _purge(self, bounds: Bounds) -> None:
        """Reduce all counts, as native/values.c does."""
        by, left = 1, self.counts
        while True:
            left = {value: count - by for value, count in self.counts.items() if count > by}
            if _fits(left, bounds.values // 2, bounds.bytes // 2):
                break
            by *= 2
        self.counts = left
        self.purged += by

    def to_json(self, top: int) -> dict[str, Any]:
        """The statistics as clients get them, with so many of the most frequent values."""
        ordered = sorted(self.counts.items(), key=lambda each: (-each[1], each[0]))[:top]
        number = self.numbers
        return {
            "count": self.count,
            "distinct": len(self.counts) if not self.purged else distinct.estimate(self.registers),
            "distinct_error": distinct.ERROR if self.purged else 0.0,
            "top": [
                {"value": _shown(value), "count": count + self.purged, "error": self.purged}
                for value, count in ordered
            ],
            "number": _number(number) if 2 * number.count >= max(self.count, 1) else None,
        }

    def dump(self) -> list[Any]:
        """The statistics as JSON that another process can load."""
        counts = [
            [text.decode("latin-1"), number, count] for (text, number), count in self.counts.items()
        ]
        packed = base64.b85encode(zlib.compress(self.registers)).decode()
        return [self.count, self.purged, counts, packed, self.numbers.dump()]

    @classmethod
    def load(cls, content: list[Any]) -> "FieldStatistics":
        """Statistics from the output of `dump`."""
        count, purged, counts, packed, numbers = content
        by_value = {(text.encode("latin-1"), number): each for text, number, each in counts}
        registers = zlib.decompress(base64.b85decode(packed))
        return cls(count, purged, by_value, registers, Numbers.load(numbers))


@dataclass
class FieldTable:
    """The statistics of all fields in a part of a file."""

    fields: list[FieldStatistics]

    def merge(self, later: "FieldTable") -> None:
        """Add the statistics of another part, which has the same fields."""
        bounds = Bounds.of(len(self.fields))
        for each, other in zip(self.fields, later.fields, strict=True):
            each.merge(other, bounds)

    def dump(self) -> list[Any]:
        """The statistics as JSON."""
        return [each.dump() for each in self.fields]

    @classmethod
    def load(cls, content: list[Any]) -> "FieldTable":
        """Statistics from the output of `dump`."""
        return cls([FieldStatistics.load(each) for each in content])


def _fits(counts: Mapping[Value, int], values: int, size: int) -> bool:
    return len(counts) <= values and sum(len(text) for text, _ in counts) <= size


def _shown(value: Value) -> str:
    text, number = value
    return text.decode(errors="replace") + ("…" if number else "")


def _number(numbers: Numbers) -> dict[str, Any]:
    p50, p95, p99 = numbers.quantiles(_SHARES)
    return {
        "count": numbers.count,
        "min": numbers.least,
        "mean": numbers.mean(),
        "max": numbers.most,
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "relative_error": RELATIVE_ERROR,
    }
