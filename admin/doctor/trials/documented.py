"""The figures of docs/performance.md that `doctor --bench` measures, too; a test compares them."""

from typing import NamedTuple


class Figure(NamedTuple):
    """A documented figure. `unit` is "/s" (more is better) or "ms" (less is better)."""

    text: str
    value: float
    unit: str


SUBMITTED_AND_RUN = Figure("jobs submitted over HTTP and run", 3161, "/s")
FILLED = Figure("jobs run from a filled queue, with the worker's start", 4926, "/s")
TRIP = Figure("one job on an idle service, until a read shows it finished, median", 6.7, "ms")
SUBMISSIONS = Figure("`POST /jobs` alone", 7280, "/s")
STATUSES = Figure("`GET /jobs/ID` alone", 7871, "/s")
FIGURES = (SUBMITTED_AND_RUN, FILLED, TRIP, SUBMISSIONS, STATUSES)
