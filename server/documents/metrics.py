"""The figures of all jobs as Prometheus reads them: from each listener the same, but its name."""

import math
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from storage.db.counters import BUCKETS
from storage.jobs.queues import COUNT_LIMIT, Queue
from storage.queries.stats import LatencyHistogram, Stats, TypeStats
from storage.records.job import AttemptOutcome
from storage.records.states import FINAL

PREFIX = "job_service_"
_NONE = TypeStats({})


def exposition(
    stats: Stats,
    types: Iterable[str],
    accept: str,
    listener: str,
    oldest_transaction: float | None = None,
) -> tuple[bytes, str]:
    """The figures in a format that the Accept header allows, and its content type; `listener` is
    the name of the one that tells them.

    `types` are those that are shown though there was no job of them yet; the oldest transaction
    of the database is given in seconds, where there is such a thing.
    """
    registry = CollectorRegistry()
    registry.register(_Snapshot(stats, types, listener, oldest_transaction))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Snapshot(Collector):
    """Collects what is known already."""

    def __init__(
        self,
        stats: Stats,
        types: Iterable[str],
        listener: str,
        oldest_transaction: float | None,
    ):
        self._stats = stats
        self._listener = listener
        self._oldest_transaction = oldest_transaction
        self._types = {**dict.fromkeys(types, _NONE), **stats.types}

    def collect(self) -> Iterator[Metric]:
        text = "The listener that tells this"
        yield InfoMetricFamily(PREFIX + "listener", text, {"listener": self._listener})
        yield from self._gauges()
        yield from self._counters()
        yield self._histogram("wait_seconds", "from due to claimed", "wait")
        yield self._histogram("run_seconds", "of each attempt", "run")
        yield from self._runners()
        yield from self._queues()

    def _gauges(self) -> Iterator[Metric]:
        yield self._gauge("jobs_queued", "Jobs that wait, due or not", lambda each: each.queued)
        yield self._gauge("jobs_running", "Jobs that runners hold", lambda each: each.running)
        oldest = "Seconds that the queued job waits that is due for longest; 0 if none is due"
        yield self._gauge("oldest_due_seconds", oldest, lambda each: each.oldest_due_seconds or 0)

    def _gauge(self, name: str, text: str, value: Callable[[TypeStats], float]) -> Metric:
        family = GaugeMetricFamily(PREFIX + name, text, labels=["type"])
        for type, mine in sorted(self._types.items()):
            family.add_metric([type], value(mine))
        return family

    def _counters(self) -> Iterator[Metric]:
        yield self._counter("jobs_submitted", "Jobs that were accepted", "submitted")
        yield self._counter("client_retries", "Retries that clients asked for", "client_retry")
        yield self._counter("rescues", "Attempts that were lost with their runner", "rescue")
        yield self._labeled("jobs_finished", "Jobs that became final", "status", "finished", FINAL)
        yield self._labeled("attempts", "Attempts that ended", "outcome", "attempt", AttemptOutcome)

    def _counter(self, name: str, text: str, tally: str) -> Metric:
        family = CounterMetricFamily(PREFIX + name, text, labels=["type"])
        for type, mine in sorted(self._types.items()):
            family.add_metric([type], mine.counters.get(tally, 0))
        return family

    def _labeled(
        self, name: str, text: str, label: str, tally: str, values: Iterable[str]
    ) -> Metric:
        family = CounterMetricFamily(PREFIX + name, text, labels=["type", label])
        for type, mine in sorted(self._types.items()):
            for value in sorted(values):
                family.add_metric([type, value], mine.counters.get(f"{tally} {value}", 0))
        return family

    def _histogram(self, name: str, text: str, tally: str) -> Metric:
        family = HistogramMetricFamily(PREFIX + name, f"Seconds {text}", labels=["type"])
        for type, mine in sorted(self._types.items()):
            found = mine.histogram(tally)
            family.add_metric([type], _cumulated(found), found.seconds)
        return family

    def _runners(self) -> Iterator[Metric]:
        runners = self._stats.runners
        slots, busy = sum(each.slots for each in runners), sum(each.busy for each in runners)
        yield GaugeMetricFamily(PREFIX + "runners", "Runners that are alive", len(runners))
        yield GaugeMetricFamily(PREFIX + "slots", "Slots of these runners", slots)
        yield GaugeMetricFamily(PREFIX + "slots_busy", "Slots that have a job", busy)
        text = "Slots of a runner, and those that have a job"
        family = GaugeMetricFamily(PREFIX + "runner_slots", text, labels=["runner", "state"])
        for each in runners:
            family.add_metric([each.name, "free"], each.slots - each.busy)
            family.add_metric([each.name, "busy"], each.busy)
        yield family
        if (oldest := self._oldest_transaction) is not None:
            text = "Age of the oldest transaction that is open in the database"
            yield GaugeMetricFamily(PREFIX + "oldest_transaction_seconds", text, oldest)

    def _queues(self) -> Iterator[Metric]:
        queued = f"Jobs of a queue that wait, due or not; counted up to {COUNT_LIMIT}"
        yield self._of_queues("jobs_queued", queued, lambda each: each.queued)
        running = "Jobs of a queue that runners hold"
        yield self._of_queues("jobs_running", running, lambda each: each.running)
        oldest = "Seconds that its job waits that is due for longest; 0 if none is due"
        yield self._of_queues("oldest_due_seconds", oldest, lambda each: each.oldest_due_seconds)
        most = "Most jobs of a queue that may run at once; +Inf without a limit"
        yield self._of_queues("max_running", most, lambda each: each.max_running or math.inf)
        yield self._of_queues(
            "paused", "1 if none of its jobs is started", lambda each: each.paused
        )

    def _of_queues(self, name: str, text: str, value: Callable[[Queue], float | None]) -> Metric:
        family = GaugeMetricFamily(f"{PREFIX}queue_{name}", text, labels=["queue"])
        for queue in self._stats.queues:
            family.add_metric([queue.name], value(queue) or 0)
        return family


def _cumulated(histogram: LatencyHistogram) -> list[tuple[str, float]]:
    """Counts up to each bound, as Prometheus has them."""
    bounds, sum_so_far, pairs = [*map(str, BUCKETS), "+Inf"], 0, []
    for bound, count in zip(bounds, histogram.counts, strict=True):
        sum_so_far += count
        pairs.append((bound, float(sum_so_far)))
    return pairs
