"""The statistics of a field in a part of a file, as Python reads them from the memory of C."""

from dataclasses import dataclass, field

from loganalysis.fields import distinct
from loganalysis.fields.numbers import RELATIVE_ERROR, Numbers
from loganalysis.read.json_values import Json

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
    values: int | None = None
    """The number of values in memory, if `counts` has only the most frequent of them."""

    def to_json(self, top: int) -> Json:
        """The statistics as clients get them, with so many of the most frequent values."""
        number, values = self.numbers, len(self.counts) if self.values is None else self.values
        return {
            "count": self.count,
            "distinct": distinct.estimate(self.registers) if self.purged else values,
            "distinct_error": distinct.ERROR if self.purged else 0.0,
            "top": [
                {"value": shown(value), "count": count + self.purged, "error": self.purged}
                for value, count in self.most_frequent(top)
            ],
            "number": _number(number) if self.has_numbers else None,
        }

    def most_frequent(self, number: int) -> list[tuple[Value, int]]:
        """So many of the most frequent values, with their counts."""
        return sorted(self.counts.items(), key=lambda each: (-each[1], each[0]))[:number]

    @property
    def has_numbers(self) -> bool:
        """Whether at least half of the values are numbers."""
        return 2 * self.numbers.count >= max(self.count, 1)


def shown(value: Value) -> str:
    """A value as clients get it."""
    text, number = value
    return text.decode(errors="replace") + ("…" if number else "")


def _number(numbers: Numbers) -> Json:
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
