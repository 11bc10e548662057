"""Renders the figures of one listener in the Prometheus text formats.

Unlike the statistics of jobs, they differ between listeners, and begin with the process.
"""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from server.http.request_metrics import BUCKETS, RequestMetrics

PREFIX = "job_service_"
VERSION = "0.1.0"
"""The version of this release, as in pyproject.toml, which the image does not contain."""


@dataclass(frozen=True)
class Traffic:
    """The connections of a listener: how many are open, and the bytes of all so far."""

    connections: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0


@dataclass(eq=False)  # the registry keeps collectors as keys
class ListenerMetrics(Collector):
    """The figures of a listener.

    `callbacks` are counts by outcome, `free_bytes` is the free space by disk.
    """

    listener: str
    requests: RequestMetrics
    traffic: Traffic
    streams: int
    callbacks: Mapping[str, int]
    free_bytes: Mapping[str, int]

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics of the listener and of its process."""
        text = "The listener that reports these metrics"
        yield InfoMetricFamily(PREFIX + "listener", text, {"listener": self.listener})
        build = {"version": VERSION, "python": platform.python_version()}
        yield InfoMetricFamily(PREFIX + "build", "The release that the listener runs", build)
        yield self._requests()
        yield self._durations()
        yield from self._connections()
        text = "Tries to send a callback"
        yield _labeled(CounterMetricFamily, "callbacks", text, "outcome", self.callbacks)
        text = "Free space on the disks that the listener writes to"
        yield _labeled(GaugeMetricFamily, "disk_free_bytes", text, "disk", self.free_bytes)
        yield from ProcessCollector(registry=None).collect()

    def _requests(self) -> Metric:
        labels = ["route", "method", "status"]
        family = CounterMetricFamily(PREFIX + "http_requests", "Answered requests", labels=labels)
        for (route, method, status), count in sorted(self.requests.requests.items()):
            family.add_metric([route, method, str(status)], count)
        return family

    def _durations(self) -> Metric:
        text = "Seconds that requests took, except those whose client decides about that"
        name = PREFIX + "http_request_seconds"
        family = HistogramMetricFamily(name, text, labels=["route", "method"])
        bounds = [*map(str, BUCKETS), "+Inf"]
        for (route, method), found in sorted(self.requests.durations.items()):
            sums = map(float, accumulate(found.counts))
            family.add_metric([route, method], [*zip(bounds, sums, strict=True)], found.seconds)
        return family

    def _connections(self) -> Iterator[Metric]:
        traffic, http = self.traffic, PREFIX + "http_"
        yield GaugeMetricFamily(http + "connections", "Open connections", traffic.connections)
        received, sent = traffic.received_bytes, traffic.sent_bytes
        yield CounterMetricFamily(http + "received_bytes", "Bytes from clients", received)
        yield CounterMetricFamily(http + "sent_bytes", "Bytes to clients", sent)
        yield GaugeMetricFamily(PREFIX + "event_streams", "Open event streams", self.streams)


def _labeled(
    kind: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    text: str,
    label: str,
    values: Mapping[str, float],
) -> Metric:
    family = kind(PREFIX + name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
