"""The figures to measure, and the measured values. Imports nothing of ours."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

OURS = "ours"


@dataclass(frozen=True)
class Figure:
    """A value that is measured for each contestant."""

    title: str
    unit: str
    more_is_better: bool = True


RUN = Figure("submitted and run", "jobs/s")
FILLED = Figure("queue filled before", "jobs/s")
SEQUENTIAL = Figure("submitted by one client, one after the other", "a second")
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
    "sequential": (SEQUENTIAL,),
    "trip": (TRIP,),
    "submit": (SUBMIT, SUBMIT_P50, SUBMIT_P99),
    "status": (STATUS,),
    "result": (RESULT,),
    "cancel": (GONE_P50, GONE_P95, FOLLOWED_P50, FOLLOWED_P95),
}
"""The measures, each with the figures that it yields, in order."""


@dataclass
class Findings:
    """The values of all contestants, one for each round."""

    _values: dict[tuple[str, Figure], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _failed: set[tuple[str, str]] = field(default_factory=set)

    def add(self, contestant: str, measure: str, values: tuple[float, ...]) -> None:
        """Add the values of one round. Raises ValueError if their number is wrong."""
        for figure, value in zip(MEASURES[measure], values, strict=True):
            self._values[contestant, figure].append(value)

    def fail(self, contestant: str, measure: str) -> None:
        """Note that a measure has failed; its values from other rounds do not count."""
        self._failed.add((contestant, measure))

    def failed(self, contestant: str, measure: str) -> bool:
        """Whether a measure has failed."""
        return (contestant, measure) in self._failed

    def median(self, contestant: str, figure: Figure) -> float | None:
        """The median of all rounds; None if the figure was not measured or has failed."""
        values = self._values.get((contestant, figure))
        if not values or self.failed(contestant, measure_of(figure)):
            return None
        return statistics.median(values)

    def times_ours(self, contestant: str, figure: Figure) -> float | None:
        """How many times as good our figure is (above 1: better); None if one is missing."""
        ours, theirs = self.median(OURS, figure), self.median(contestant, figure)
        if not ours or not theirs:
            return None
        return ours / theirs if figure.more_is_better else theirs / ours


def measure_of(figure: Figure) -> str:
    """The measure that yields a figure."""
    return next(name for name, figures in MEASURES.items() if figure in figures)
