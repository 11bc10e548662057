"""Statistics of numbers that can be merged: least, most, mean, and quantiles from a sketch.

The sketch is DDSketch with a linearly interpolated logarithm, see native/numbers.c. Buckets and
sums are integers, so the result does not depend on the order of the numbers or on how a file is
cut.
"""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate

STEP_BITS = 7
LEAST_EXPONENT = -64
EXPONENTS = 128
RELATIVE_ERROR = 1 / (2 << STEP_BITS)
"""The largest error of a quantile, as a share of it."""
UNIT = 52 - LEAST_EXPONENT
"""Sums count in units of 2 to the power of minus this."""


@dataclass
class Numbers:
    """The numbers among the values of a field. `buckets` are numbered from the largest negative
    number to the largest one: bucket 0 has the zeros."""

    count: int = 0
    least: float = 0.0
    most: float = 0.0
    sum: int = 0
    buckets: Counter[int] = field(default_factory=Counter)

    def merge(self, other: "Numbers") -> None:
        """Add the numbers of another part."""
        if not other.count:
            return
        if self.count:
            self.least = min(self.least, other.least)
            self.most = max(self.most, other.most)
        else:
            self.least, self.most = other.least, other.most
        self.count += other.count
        self.sum += other.sum
        self.buckets.update(other.buckets)

    def mean(self) -> float:
        """The mean, rounded once."""
        return float(Fraction(self.sum, self.count << UNIT))

    def quantiles(self, shares: tuple[float, ...]) -> list[float]:
        """The numbers at these ranks: a share q stands for the number with the rank q(n-1)."""
        ordered = sorted(self.buckets)
        ends = list(accumulate(self.buckets[bucket] for bucket in ordered))
        found = []
        for share in shares:
            rank = int(share * (self.count - 1))
            bucket = next(each for each, end in zip(ordered, ends, strict=True) if rank < end)
            found.append(min(max(middle_of(bucket), self.least), self.most))
        return found


def middle_of(bucket: int) -> float:
    """The number in the middle of a bucket."""
    if not bucket:
        return 0.0
    exponent, step = divmod(abs(bucket) - 1, 1 << STEP_BITS)
    size = 2.0 ** (exponent + LEAST_EXPONENT) * (1 + (step + 0.5) / (1 << STEP_BITS))
    return size if bucket > 0 else -size
