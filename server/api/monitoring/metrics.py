"""Renders the statistics of all jobs, and the figures of one listener, in the text formats of
Prometheus.

All listeners report the same statistics. The figures of a listener begin with its process.
"""

import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from server.http.connections.acceptor import Traffic
from server.http.request_log import BUCKETS, RequestMetrics
from storage.db import counters
from storage.jobs.queues import COUNT_LIMIT, Queue
from storage.queries.scale import Scale
from storage.queries.stats import Stats, TypeStats
from storage.records.job import Outcome
from storage.records.release import RELEASE
from storage.records.schedule import FiringOutcome
from storage.records.states import FINAL

PREFIX = "job_service_"
Kind = type[CounterMetricFamily | GaugeMetricFamily]


def exposition(
    stats: Stats | None,
    types: Iterable[str],
    accept: str,
    listener: Collector | None,
    oldest_transaction: float | None = None,
    scale: Scale | None = None,
) -> tuple[bytes, str]:
    """Render the stats in the format that the Accept header asks for; returns it with its content
    type.

    Without stats, as the store could not be read, it has only the metrics of this listener.
    `types` are job types to report even if they have no jobs yet. `listener` yields the metrics of
    this listener; None without one. `oldest_transaction` is the age in seconds of the database's
    oldest open transaction, None where it is not known. `scale` has the slots that could be used.
    """
    registry = CollectorRegistry()
    registry.register(_StoreMetrics(stats, types, oldest_transaction, scale))
    if listener is not None:
        registry.register(listener)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _StoreMetrics(Collector):
    """The metrics of stats that were read before, if they could be read."""

    def __init__(
        self,
        stats: Stats | None,
        types: Iterable[str],
        oldest_transaction: float | None,
        scale: Scale | None,
    ):
        self._scale = scale
        self._is_up = stats is not None
        self._stats = stats = stats or Stats({})
        self._oldest_transaction = oldest_transaction
        self._types = sorted({**dict.fromkeys(types, TypeStats({})), **stats.types}.items())

    def collect(self) -> Iterator[Metric]:
        text = "1 if this listener could read the store, else 0"
        yield GaugeMetricFamily(PREFIX + "store_up", text, self._is_up)
        if not self._is_up:
            return
        yield from self._of_types()
        yield from self._of_runners()
        yield from self._of_queues()
        yield from self._of_schedules()
        yield from self._of_backups()
        yield from self._of_scale()

    def _of_types(self) -> Iterator[Metric]:
        yield self._gauge("jobs_queued", "Queued jobs, due or not", lambda each: each.queued)
        yield self._gauge("jobs_running", "Running jobs", lambda each: each.running)
        oldest = "Seconds for which the oldest due job has been waiting; 0 if no job is due"
        yield self._gauge("oldest_due_seconds", oldest, lambda each: each.oldest_due_seconds or 0)
        yield self._counter("jobs_submitted", "Jobs that were accepted", "submitted")
        yield self._counter("client_retries", "Retries requested by clients", "client_retry")
        yield self._counter("jobs_expired", "Jobs that expired before they started", "expired")
        missed = "Jobs that were not final by their deadline, finish_by"
        yield self._counter("deadlines_missed", missed, "deadline_missed")
        yield self._counter("rescues", "Attempts that were lost with their runner", "rescue")
        yield self._labeled("jobs_finished", "Jobs that became final", "status", "finished", FINAL)
        waited = "New jobs that had to wait for a place of their concurrency key"
        yield self._counter("concurrency_waits", waited, "waited for a place")
        conflicts = "Submissions whose unique key another job held", "outcome", "unique"
        yield self._labeled("unique_conflicts", *conflicts, ("refused", "replaced", "returned"))
        yield self._counter("job_files", "Files that jobs have left", "files")
        yield self._counter(
            "job_file_bytes", "Bytes of the files that jobs have left", "file bytes"
        )
        yield self._labeled("attempts", "Attempts that ended", "outcome", "attempt", Outcome)
        yield self._histogram("wait_seconds", "Seconds from due to claimed", "wait")
        yield self._histogram("run_seconds", "Seconds that attempts ran", "run")

    def _gauge(self, name: str, text: str, value: Callable[[TypeStats], float]) -> Metric:
        samples = [([type], value(stats)) for type, stats in self._types]
        return _family(GaugeMetricFamily, name, text, ["type"], samples)

    def _counter(self, name: str, text: str, counter: str) -> Metric:
        samples = [([type], stats.counters.get(counter, 0)) for type, stats in self._types]
        return _family(CounterMetricFamily, name, text, ["type"], samples)

    def _labeled(
        self, name: str, text: str, label: str, counter: str, values: Iterable[str]
    ) -> Metric:
        samples = [
            ([type, value], stats.counters.get(f"{counter} {value}", 0))
            for type, stats in self._types
            for value in sorted(values)
        ]
        return _family(CounterMetricFamily, name, text, ["type", label], samples)

    def _histogram(self, name: str, text: str, counter: str) -> Metric:
        found = [(type, stats.histogram(counter)) for type, stats in self._types]
        samples = [([type], each.counts, each.seconds) for type, each in found]
        return _histogram(name, text, ["type"], counters.BUCKETS, samples)

    def _of_runners(self) -> Iterator[Metric]:
        runners = self._stats.ready_runners
        slots, busy = sum(each.slots for each in runners), sum(each.busy for each in runners)
        yield GaugeMetricFamily(PREFIX + "runners", "Runners that can start jobs", len(runners))
        yield GaugeMetricFamily(PREFIX + "slots", "Slots of the live runners", slots)
        yield GaugeMetricFamily(PREFIX + "slots_busy", "Slots that are running a job", busy)
        text = "Free and busy slots of each runner"
        free_and_busy = [
            ([each.name, state], count)
            for each in runners
            for state, count in (("free", each.slots - each.busy), ("busy", each.busy))
        ]
        labels = ["runner", "state"]
        yield _family(GaugeMetricFamily, "runner_slots", text, labels, free_and_busy)
        stale = sum(each.is_stale for each in self._stats.runners)
        text = "Runners with a stale heartbeat: they hang or are stopped"
        yield GaugeMetricFamily(PREFIX + "runners_stale", text, stale)
        text = "Runners that were killed, cut off or paused, and whose jobs another one has settled"
        yield CounterMetricFamily(PREFIX + "runners_lost", text, self._stats.runners_lost)
        ages = [([each.name], each.heartbeat_age) for each in self._stats.runners]
        known = [(values, age) for values, age in ages if age is not None]
        name = "runner_heartbeat_age_seconds"
        text = "Age of the heartbeat of each runner, where it is known"
        yield _family(GaugeMetricFamily, name, text, ["runner"], known)
        if (oldest := self._oldest_transaction) is not None:
            text = "Age of the oldest open transaction in the database"
            yield GaugeMetricFamily(PREFIX + "oldest_transaction_seconds", text, oldest)

    def _of_queues(self) -> Iterator[Metric]:
        queued = f"Queued jobs of a queue, due or not; counted up to {COUNT_LIMIT}"
        yield self._of_each_queue("jobs_queued", queued, lambda each: each.queued)
        running = "Running jobs of a queue"
        yield self._of_each_queue("jobs_running", running, lambda each: each.running)
        oldest = "Seconds for which its oldest due job has been waiting; 0 if no job is due"
        yield self._of_each_queue(
            "oldest_due_seconds", oldest, lambda each: each.oldest_due_seconds
        )
        most = "Maximum number of running jobs of a queue; +Inf without a limit"
        yield self._of_each_queue("max_running", most, lambda each: each.max_running or math.inf)
        paused = "1 if the queue is paused, else 0"
        yield self._of_each_queue("paused", paused, lambda each: each.paused)

    def _of_schedules(self) -> Iterator[Metric]:
        stats = self._stats.schedules
        states = [(["active"], stats.active), (["paused"], stats.paused)]
        yield _family(GaugeMetricFamily, "schedules", "Schedules", ["state"], states)
        late = "Seconds for which the longest due schedule has waited for a worker; 0 if none is"
        yield GaugeMetricFamily(PREFIX + "schedule_late_seconds", late, stats.late_seconds)
        firings = "Times at which schedules were due, by what became of them"
        yield self._labeled("schedule_firings", firings, "outcome", "schedule", FiringOutcome)

    def _of_backups(self) -> Iterator[Metric]:
        stats = self._stats.backups
        if stats.last_at is not None:
            age = max(0.0, (self._stats.at - stats.last_at) / 1000)
            text = "Seconds since the begin of the last complete backup"
            yield GaugeMetricFamily(PREFIX + "backup_age_seconds", text, age)
        counts = [(["succeeded"], stats.succeeded), (["failed"], stats.failed)]
        yield _family(CounterMetricFamily, "backups", "Backups", ["outcome"], counts)

    def _of_scale(self) -> Iterator[Metric]:
        if (scale := self._scale) is None:
            return
        text = "Slots that could be used now"
        yield GaugeMetricFamily(PREFIX + "slots_wanted", text, scale.slots_wanted)
        samples = [([each.queue.name], each.slots_wanted) for each in scale.queues]
        text = "Slots that the jobs of a queue could use now"
        yield _family(GaugeMetricFamily, "queue_slots_wanted", text, ["queue"], samples)

    def _of_each_queue(
        self, name: str, text: str, value: Callable[[Queue], float | None]
    ) -> Metric:
        samples = [([queue.name], value(queue) or 0) for queue in self._stats.queues]
        return _family(GaugeMetricFamily, f"queue_{name}", text, ["queue"], samples)


@dataclass(eq=False)  # the registry keeps collectors as keys
class ListenerMetrics(Collector):
    """The figures of a listener.

    `callbacks` are counts by outcome, `free_bytes` is the free space by disk, and
    `refused_by_quota` counts requests by the quota that has refused them.
    """

    listener: str
    requests: RequestMetrics
    traffic: Traffic
    streams: int
    callbacks: Mapping[str, int]
    free_bytes: Mapping[str, int]
    refused_by_quota: Mapping[str, int]

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics of the listener and of its process."""
        text = "The listener that reports these metrics"
        yield InfoMetricFamily(PREFIX + "listener", text, {"listener": self.listener})
        build = {"version": RELEASE, "python": platform.python_version()}
        yield InfoMetricFamily(PREFIX + "build", "The release that the listener runs", build)
        yield from self._requests()
        traffic, http = self.traffic, PREFIX + "http_"
        yield GaugeMetricFamily(http + "connections", "Open connections", traffic.connections)
        received, sent = traffic.received_bytes, traffic.sent_bytes
        yield CounterMetricFamily(http + "received_bytes", "Bytes from clients", received)
        yield CounterMetricFamily(http + "sent_bytes", "Bytes to clients", sent)
        yield GaugeMetricFamily(PREFIX + "event_streams", "Open event streams", self.streams)
        callbacks = [([outcome], count) for outcome, count in self.callbacks.items()]
        text = "Tries to send a callback"
        yield _family(CounterMetricFamily, "callbacks", text, ["outcome"], callbacks)
        disks = [([disk], free) for disk, free in self.free_bytes.items()]
        text = "Free space on the disks that the listener writes to"
        yield _family(GaugeMetricFamily, "disk_free_bytes", text, ["disk"], disks)
        refused = [([quota], count) for quota, count in self.refused_by_quota.items()]
        text = "Requests that a quota of their caller has refused"
        yield _family(CounterMetricFamily, "quota_refusals", text, ["quota"], refused)
        yield from ProcessCollector(registry=None).collect()

    def _requests(self) -> Iterator[Metric]:
        requests = [
            ([route, method, str(status)], count)
            for (route, method, status), count in sorted(self.requests.requests.items())
        ]
        labels = ["route", "method", "status"]
        yield _family(CounterMetricFamily, "http_requests", "Answered requests", labels, requests)
        durations = [
            (key, found.counts, found.seconds)
            for key, found in sorted(self.requests.durations.items())
        ]
        text = "Seconds that requests took, except those whose client decides about that"
        labels, bounds = ["route", "method"], BUCKETS
        yield _histogram("http_request_seconds", text, labels, bounds, durations)


def _family(
    kind: Kind,
    name: str,
    text: str,
    labels: Sequence[str],
    samples: Iterable[tuple[Sequence[str], float]],
) -> Metric:
    """Build a metric with labels. `samples` are the values of the labels, each with its figure."""
    family = kind(PREFIX + name, text, labels=labels)
    for values, figure in samples:
        family.add_metric(values, figure)
    return family


def _histogram(
    name: str,
    text: str,
    labels: Sequence[str],
    bounds: Sequence[float],
    samples: Iterable[tuple[Sequence[str], Sequence[int], float]],
) -> Metric:
    """Build a histogram. `samples` are the values of the labels, the count in each bucket, and the
    sum in seconds; Prometheus requires cumulative counts."""
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    uppers = [*map(str, bounds), "+Inf"]
    for values, counts, seconds in samples:
        sums = map(float, accumulate(counts))
        family.add_metric(values, [*zip(uppers, sums, strict=True)], seconds)
    return family
