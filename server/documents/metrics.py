"""Renders the statistics of all jobs in the Prometheus text formats.

All listeners report the same stats. `server.documents.listener_metrics` adds the figures of one
listener.
"""

import math
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from server.documents.listener_metrics import PREFIX
from storage.db.counters import BUCKETS
from storage.jobs.queues import COUNT_LIMIT, Queue
from storage.queries.stats import LatencyHistogram, Stats, TypeStats
from storage.records.job import Outcome
from storage.records.states import FINAL

_NO_STATS = TypeStats({})


def exposition(
    stats: Stats,
    types: Iterable[str],
    accept: str,
    listener: Collector,
    oldest_transaction: float | None = None,
) -> tuple[bytes, str]:
    """Render the stats in the format that the Accept header asks for; returns it with its content
    type.

    `types` are job types to report even if they have no jobs yet. `listener` yields the metrics of
    this listener. `oldest_transaction` is the age in seconds of the database's oldest open
    transaction, None where it is not known.
    """
    registry = CollectorRegistry()
    registry.register(_Snapshot(stats, types, oldest_transaction))
    registry.register(listener)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Snapshot(Collector):
    """A Prometheus collector over stats that were read before."""

    def __init__(
        self,
        stats: Stats,
        types: Iterable[str],
        oldest_transaction: float | None,
    ):
        self._stats = stats
        self._oldest_transaction = oldest_transaction
        self._types = {**dict.fromkeys(types, _NO_STATS), **stats.types}

    def collect(self) -> Iterator[Metric]:
        yield from self._gauges()
        yield from self._counters()
        yield self._histogram("wait_seconds", "from due to claimed", "wait")
        yield self._histogram("run_seconds", "that attempts ran", "run")
        yield from self._runners()
        yield from self._queues()

    def _gauges(self) -> Iterator[Metric]:
        yield self._gauge("jobs_queued", "Queued jobs, due or not", lambda each: each.queued)
        yield self._gauge("jobs_running", "Running jobs", lambda each: each.running)
        oldest = "Seconds for which the oldest due job has been waiting; 0 if no job is due"
        yield self._gauge("oldest_due_seconds", oldest, lambda each: each.oldest_due_seconds or 0)

    def _gauge(self, name: str, text: str, value: Callable[[TypeStats], float]) -> Metric:
        family = GaugeMetricFamily(PREFIX + name, text, labels=["type"])
        for type, stats in sorted(self._types.items()):
            family.add_metric([type], value(stats))
        return family

    def _counters(self) -> Iterator[Metric]:
        yield self._counter("jobs_submitted", "Jobs that were accepted", "submitted")
        yield self._counter("client_retries", "Retries requested by clients", "client_retry")
        yield self._counter("rescues", "Attempts that were lost with their runner", "rescue")
        yield self._labeled("jobs_finished", "Jobs that became final", "status", "finished", FINAL)
        yield self._labeled("attempts", "Attempts that ended", "outcome", "attempt", Outcome)

    def _counter(self, name: str, text: str, counter: str) -> Metric:
        family = CounterMetricFamily(PREFIX + name, text, labels=["type"])
        for type, stats in sorted(self._types.items()):
            family.add_metric([type], stats.counters.get(counter, 0))
        return family

    def _labeled(
        self, name: str, text: str, label: str, counter: str, values: Iterable[str]
    ) -> Metric:
        family = CounterMetricFamily(PREFIX + name, text, labels=["type", label])
        for type, stats in sorted(self._types.items()):
            for value in sorted(values):
                family.add_metric([type, value], stats.counters.get(f"{counter} {value}", 0))
        return family

    def _histogram(self, name: str, text: str, counter: str) -> Metric:
        family = HistogramMetricFamily(PREFIX + name, f"Seconds {text}", labels=["type"])
        for type, stats in sorted(self._types.items()):
            histogram = stats.histogram(counter)
            family.add_metric([type], _cumulative(histogram), histogram.seconds)
        return family

    def _runners(self) -> Iterator[Metric]:
        runners = self._stats.ready_runners
        slots, busy = sum(each.slots for each in runners), sum(each.busy for each in runners)
        yield GaugeMetricFamily(PREFIX + "runners", "Runners that can start jobs", len(runners))
        yield GaugeMetricFamily(PREFIX + "slots", "Slots of the live runners", slots)
        yield GaugeMetricFamily(PREFIX + "slots_busy", "Slots that are running a job", busy)
        text = "Free and busy slots of each runner"
        family = GaugeMetricFamily(PREFIX + "runner_slots", text, labels=["runner", "state"])
        for each in runners:
            family.add_metric([each.name, "free"], each.slots - each.busy)
            family.add_metric([each.name, "busy"], each.busy)
        yield family
        yield from self._heartbeats()
        if (oldest := self._oldest_transaction) is not None:
            text = "Age of the oldest open transaction in the database"
            yield GaugeMetricFamily(PREFIX + "oldest_transaction_seconds", text, oldest)

    def _heartbeats(self) -> Iterator[Metric]:
        stale = sum(each.is_stale for each in self._stats.runners)
        text = "Runners with a stale heartbeat: they hang or are stopped"
        yield GaugeMetricFamily(PREFIX + "runners_stale", text, stale)
        text = "Age of the heartbeat of each runner, where it is known"
        name = PREFIX + "runner_heartbeat_age_seconds"
        family = GaugeMetricFamily(name, text, labels=["runner"])
        for each in self._stats.runners:
            if each.heartbeat_age is not None:
                family.add_metric([each.name], each.heartbeat_age)
        yield family

    def _queues(self) -> Iterator[Metric]:
        queued = f"Queued jobs of a queue, due or not; counted up to {COUNT_LIMIT}"
        yield self._of_queues("jobs_queued", queued, lambda each: each.queued)
        running = "Running jobs of a queue"
        yield self._of_queues("jobs_running", running, lambda each: each.running)
        oldest = "Seconds for which its oldest due job has been waiting; 0 if no job is due"
        yield self._of_queues("oldest_due_seconds", oldest, lambda each: each.oldest_due_seconds)
        most = "Maximum number of running jobs of a queue; +Inf without a limit"
        yield self._of_queues("max_running", most, lambda each: each.max_running or math.inf)
        yield self._of_queues(
            "paused", "1 if the queue is paused, else 0", lambda each: each.paused
        )

    def _of_queues(self, name: str, text: str, value: Callable[[Queue], float | None]) -> Metric:
        family = GaugeMetricFamily(f"{PREFIX}queue_{name}", text, labels=["queue"])
        for queue in self._stats.queues:
            family.add_metric([queue.name], value(queue) or 0)
        return family


def _cumulative(histogram: LatencyHistogram) -> list[tuple[str, float]]:
    """Return the cumulative count for each bucket's upper bound, as Prometheus requires."""
    bounds, sum_so_far, pairs = [*map(str, BUCKETS), "+Inf"], 0, []
    for bound, count in zip(bounds, histogram.counts, strict=True):
        sum_so_far += count
        pairs.append((bound, float(sum_so_far)))
    return pairs
