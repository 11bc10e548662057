"""Sends spans in batches from a thread, and logs when spans are lost.

Loaded only if tracing is on, like all modules that import OpenTelemetry.
"""

import contextlib
import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.util.re import parse_env_headers

if TYPE_CHECKING:
    from storage.settings.traces import TraceSettings

log = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0
"""Time limit for sending the last spans at the end."""


class SpanSender(BatchSpanProcessor):
    """Queues spans without blocking. Spans that the collector does not take are lost."""

    def __init__(self, settings: "TraceSettings"):
        """Start the sending thread."""
        self._reporting = _LossReportingExporter(_build_exporter(settings))
        super().__init__(self._reporting)

    def close(self) -> None:
        """Send the remaining spans, for up to CLOSE_SECONDS."""
        # In a thread, because the libraries wait longer than their timeout.
        last = threading.Thread(target=self.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(CLOSE_SECONDS)
        if last.is_alive() and not self._reporting.failing:
            log.warning("traces are lost: the collector takes too long for the last of them")


class _LossReportingExporter(SpanExporter):
    """Logs once when spans begin to be lost, and once when they no longer are.

    A full queue with a working collector is logged once in the life of the program.
    """

    def __init__(self, exporter: SpanExporter):
        self._exporter = exporter
        self._warnings = _LibraryWarnings()
        self._full_reported = False
        self.failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result, self._warnings.first = SpanExportResult.FAILURE, ""
        with contextlib.suppress(Exception):  # no error may end the thread
            result = self._exporter.export(spans)
        failing = result is not SpanExportResult.SUCCESS
        if failing and not self.failing:
            extra = {"reason": self._warnings.first}
            log.warning("the collector takes no traces, they are lost", extra=extra)
        elif self.failing and not failing:
            log.info("the collector takes traces again")
        elif self._warnings.full and not (failing or self._full_reported):
            self._full_reported = True
            log.warning("traces come faster than the collector takes them, some are lost")
        self.failing = failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _LibraryWarnings(logging.Handler):
    """Captures the libraries' log messages instead of passing each to our log."""

    first = ""
    full = False
    """Whether the libraries have dropped spans because their queue was full."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.full |= text.startswith("Queue full")
        self.first = self.first or text


def _build_exporter(settings: "TraceSettings") -> OTLPSpanExporter:
    session = requests.Session()
    # Read now: the thread must not read the environment while keepers are started.
    endpoint = settings.otel_exporter_otlp_traces_endpoint or settings.otel_exporter_otlp_endpoint
    session.proxies.update(requests.utils.get_environ_proxies(endpoint))
    session.trust_env = False
    headers = parse_env_headers(settings.otel_exporter_otlp_headers, liberal=True)
    return OTLPSpanExporter(headers=headers or None, session=session)
