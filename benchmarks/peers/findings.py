"""What is measured, and what was found; imports nothing of ours."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

OURS = "ours"


@dataclass(frozen=True)
class Figure:
    """Something that is measured of a contestant."""

    title: str
    unit: str
    more_is_better: bool = True


RUN = Figure("submitted and run", "jobs/s")
FILLED = Figure("queue filled before", "jobs/s")
TRIP = Figure("submitted to known as finished, idle, p50", "ms", False)
SUBMIT = Figure("HTTP submissions", "a second")
SUBMIT_P50 = Figure("HTTP submission, p50", "ms", False)
SUBMIT_P99 = Figure("HTTP submission, p99", "ms", False)
STATUS = Figure("HTTP statuses", "a second")
RESULT = Figure("HTTP statuses with result", "a second")
GONE_P50 = Figure("cancel to process gone, p50", "ms", False)
GONE_P95 = Figure("cancel to process gone, p95", "ms", False)
FOLLOWED_P50 = Figure("cancel to the slot's next job, p50", "ms", False)
FOLLOWED_P95 = Figure("cancel to the slot's next job, p95", "ms", False)

MEASURES: dict[str, tuple[Figure, ...]] = {
    "run": (RUN,),
    "filled": (FILLED,),
    "trip": (TRIP,),
    "submit": (SUBMIT, SUBMIT_P50, SUBMIT_P99),
    "status": (STATUS,),
    "result": (RESULT,),
    "cancel": (GONE_P50, GONE_P95, FOLLOWED_P50, FOLLOWED_P95),
}
"""What is measured at a time, and the figures that come of it, in their order."""


@dataclass
class Findings:
    """The figures of all contestants, one value of each round."""

    _values: dict[tuple[str, Figure], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _failed: set[tuple[str, str]] = field(default_factory=set)

    def add(self, contestant: str, measure: str, values: tuple[float, ...]) -> None:
        """The values of one round. Raises ValueError if they are not those of the measure."""
        for figure, value in zip(MEASURES[measure], values, strict=True):
            self._values[contestant, figure].append(value)

    def fail(self, contestant: str, measure: str) -> None:
        """A measure has failed once; what it gave in other rounds does not count."""
        self._failed.add((contestant, measure))

    def failed(self, contestant: str, measure: str) -> bool:
        """Whether it has."""
        return (contestant, measure) in self._failed

    def median(self, contestant: str, figure: Figure) -> float | None:
        """Of all rounds; None if it was not measured, or has failed."""
        values = self._values.get((contestant, figure))
        if not values or self.failed(contestant, measure_of(figure)):
            return None
        return statistics.median(values)

    def times_ours(self, contestant: str, figure: Figure) -> float | None:
        """How many times as good ours is, above 1 if it is better; None if one is missing."""
        ours, theirs = self.median(OURS, figure), self.median(contestant, figure)
        if not ours or not theirs:
            return None
        return ours / theirs if figure.more_is_better else theirs / ours


def measure_of(figure: Figure) -> str:
    """The measure that a figure comes of."""
    return next(name for name, figures in MEASURES.items() if figure in figures)
