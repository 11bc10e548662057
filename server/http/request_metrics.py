"""Counts the requests of a listener, and how long they took. Imports nothing of ours."""

from bisect import bisect_left
from dataclasses import dataclass, field

BUCKETS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds in seconds. Neighbours differ by a factor of two or a little more, so a quantile is
off by less than that."""
OTHER = "other"
"""The route of unknown paths, and the method of unknown methods: clients choose their names."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass
class Durations:
    """How many requests took how long: by bucket, the last one without a bound, and in all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


class RequestMetrics:
    """The counters of one listener. They begin with it. A count takes half a microsecond."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        """By route, method and status."""
        self.durations: dict[tuple[str, str], Durations] = {}
        """By route and method."""

    def count(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count an answered request. `seconds` is None if its client decided how long it takes."""
        method = method if method in METHODS else OTHER
        key = (route, method, status)
        self.requests[key] = self.requests.get(key, 0) + 1
        if seconds is not None:
            durations = self.durations.get((route, method))
            if durations is None:
                durations = self.durations[route, method] = Durations()
            durations.counts[bisect_left(BUCKETS, seconds)] += 1
            durations.seconds += seconds
