"""Records requests: in the log, and in the metrics of a listener. Imports nothing of ours."""

import logging
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

BUCKETS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds in seconds. Neighbours differ by a factor of two or a little more, so a quantile is
off by less than that."""
OTHER = "other"
"""The route of unknown paths, and the method of unknown methods: clients choose their names."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def log_access(
    method: str,
    path: str,
    status: int,
    seconds: float,
    address: str,
    caller: str | None,
    request_id: str,
) -> None:
    """Log one request: successes at DEBUG, client errors at INFO, server errors at WARNING."""
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    if log.isEnabledFor(level):
        ms = round(1000 * seconds, 1)
        extra = {"method": method, "path": path, "status": status, "ms": ms, "address": address}
        named = {} if caller is None else {"caller": caller}
        log.log(level, "request", extra={**extra, **named, "request_id": request_id})


def log_refusal(status: int, code: str, address: str, request_id: str) -> None:
    """Log a request that the connection has refused, before or while it arrived."""
    extra = {"status": status, "code": code, "address": address, "request_id": request_id}
    log.info("request refused", extra=extra)


def log_change(caller: str | None, action: str, **details: str | int) -> None:
    """Log a change that a named caller made. Without tokens, callers have no names: no line."""
    if caller is not None:
        log.info("change", extra={"caller": caller, "action": action, **details})


@dataclass
class Durations:
    """How many requests took how long: by bucket, the last one without a bound, and in all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


class RequestMetrics:
    """The counters of one listener. They begin with it. A count takes half a microsecond."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        """By route, method and status."""
        self.durations: defaultdict[tuple[str, str], Durations] = defaultdict(Durations)
        """By route and method."""

    def count(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count an answered request. `seconds` is None if its client decided how long it takes."""
        method = method if method in METHODS else OTHER
        self.requests[route, method, status] += 1
        if seconds is not None:
            durations = self.durations[route, method]
            durations.counts[bisect_left(BUCKETS, seconds)] += 1
            durations.seconds += seconds
