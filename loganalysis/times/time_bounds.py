"""The bounds of the times of consecutive lines: what tells readers where a time cannot be.

    10:00:01   10:00:07   10:00:05   10:00:09     earliest 10:00:01, latest 10:00:09, disorder 2

Lines are in no order that can be relied on: one request is logged when it began, another when it
ended, and one wrong clock writes 1970. So each piece of a file has bounds of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

Row = tuple[int, int | None, int]


@dataclass(frozen=True)
class TimeBounds:
    """The bounds of some lines, in epoch seconds without fractions.

    `latest` is None if no line has a time. `disorder` is the most seconds that a line is behind one
    before it.
    """

    earliest: int = 0
    latest: int | None = None
    disorder: int = 0

    def __add__(self, later: "TimeBounds") -> "TimeBounds":
        """The bounds of these lines and of the later lines together."""
        if self.latest is None or later.latest is None:
            return self if later.latest is None else later
        return TimeBounds(
            min(self.earliest, later.earliest),
            max(self.latest, later.latest),
            max(self.disorder, later.disorder, self.latest - later.earliest),
        )

    def overlap(self, start: float, end: float) -> bool:
        """Whether a line can have a time from `start` on and before `end`."""
        return self.latest is not None and self.earliest < end and self.latest + 1 > start

    def all_before(self, time: float, limit: float) -> bool:
        """Whether all lines before one with this time are before a limit."""
        return time + self.disorder + 1 < limit

    def all_after(self, time: float, limit: float) -> bool:
        """Whether all lines behind one with this time are at a limit, or after it."""
        return time - self.disorder - 1 >= limit

    def to_row(self, base: int = 0) -> Row:
        """The bounds for JSON, as small numbers: `earliest` counts from `base`."""
        latest = None if self.latest is None else self.latest - self.earliest
        return self.earliest - base, latest, self.disorder

    @classmethod
    def of_row(cls, row: Iterable[int | None], base: int = 0) -> "TimeBounds":
        """The bounds in a row of `to_row`. Raises ValueError."""
        earliest, span, disorder = row
        numbers = [each for each in (earliest, span, disorder) if type(each) is int]
        if len(numbers) < 3 - (span is None) or any(abs(each) > 1 << 53 for each in numbers):
            raise ValueError("not the bounds of times")
        start = base + numbers[0]
        return cls(start, None if span is None else start + span, numbers[-1])


NO_TIMES = TimeBounds()


def in_pairs(bounds: Sequence[TimeBounds | None]) -> list[TimeBounds | None]:
    """The bounds of pieces that are twice as long."""
    return [sum_of(bounds[at : at + 2]) for at in range(0, len(bounds), 2)]


def sum_of(bounds: Iterable[TimeBounds | None]) -> TimeBounds | None:
    """The bounds of consecutive pieces, in their order; None if one is unknown."""
    found: list[TimeBounds] = []
    for each in bounds:
        if each is None:
            return None
        found.append(each)
    return reduce(TimeBounds.__add__, found, NO_TIMES)
