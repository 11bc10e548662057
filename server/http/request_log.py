"""The requests of a listener: those under way, their metrics and their log lines.

Imports nothing of ours.
"""

import asyncio
import contextlib
import logging
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

Work = Coroutine[Any, Any, None]
RunInBackground = Callable[[Work], None]
"""Starts a coroutine that may outlive its request."""

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


class Activity:
    """Records requests, and keeps background tasks, so that a shutdown can await both.

    Create it inside the running event loop.
    """

    def __init__(self) -> None:
        self.stopping = False
        """Whether the listener is stopping, so that responses have `Connection: close`."""
        self.metrics = RequestMetrics()
        self._requests = 0
        self._idle = asyncio.Event()
        self._background_tasks: set[asyncio.Task[None]] = set()

    def request_started(self) -> None:
        """Count a request that has begun."""
        self._requests += 1

    def request_finished(self) -> None:
        """Count a request that was answered, or whose client went away."""
        self._requests -= 1
        if self.stopping and self._requests == 0:
            self._idle.set()

    def record(
        self,
        route: str,
        method: str,
        path: str,
        status: int,
        seconds: float,
        is_timed: bool,
        address: str,
        caller: str | None,
        request_id: str,
    ) -> None:
        """Count and log a request that was answered, after `seconds`.

        They are not measured unless `is_timed`. Successes are logged at DEBUG, client errors at
        INFO, server errors at WARNING.
        """
        self.metrics.count(route, method, status, seconds if is_timed else None)
        level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
        if log.isEnabledFor(level):
            ms = round(1000 * seconds, 1)
            extra = {"method": method, "path": path, "status": status, "ms": ms, "address": address}
            named = {} if caller is None else {"caller": caller}
            log.log(level, "request", extra={**extra, **named, "request_id": request_id})

    def run_in_background(self, work: Work) -> None:
        """Start a coroutine that may outlive the request it belongs to."""
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    async def finish_requests(self, seconds: float) -> None:
        """Wait up to `seconds` for the requests under way. The listener must be stopping."""
        if self._requests:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)

    async def finish_background_tasks(self, seconds: float) -> None:
        """Wait up to `seconds` for the background tasks, such as the removal of partial uploads."""
        await asyncio.sleep(0)  # a connection that was just closed may still start a task
        if self._background_tasks:
            await asyncio.wait(self._background_tasks, timeout=seconds)


def log_refusal(status: int, code: str, address: str, request_id: str) -> None:
    """Log a request that the connection has refused, before or while it arrived."""
    extra = {"status": status, "code": code, "address": address, "request_id": request_id}
    log.info("request refused", extra=extra)


def log_change(caller: str | None, action: str, **details: str | int) -> None:
    """Log a change that a named caller made. Without tokens, callers have no names: no line."""
    if caller is not None:
        log.info("change", extra={"caller": caller, "action": action, **details})
