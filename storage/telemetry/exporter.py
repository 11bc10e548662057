"""Sends spans in batches, in a thread, and says in the log what is lost.

It is loaded only where traces are on, as all that imports OpenTelemetry's libraries.
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
"""What the last spans may take to be sent at the end."""


class SpanSender(BatchSpanProcessor):
    """Takes spans and waits for nothing; what a collector does not take is lost."""

    def __init__(self, settings: "TraceSettings"):
        """Start the thread that sends."""
        self._told = _LossReportingExporter(_build_exporter(settings))
        super().__init__(self._told)

    def close(self) -> None:
        """Send what is left, for CLOSE_SECONDS at most."""
        # Beside, since the libraries wait for longer than they are told to.
        last = threading.Thread(target=self.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(CLOSE_SECONDS)
        if last.is_alive() and not self._told.failing:
            log.warning("traces are lost: the collector takes too long for the last of them")


class _LossReportingExporter(SpanExporter):
    """Says once that spans are lost, and once that they are not any more.

    That too many have waited for a collector which is well is said once and for all.
    """

    def __init__(self, exporter: SpanExporter):
        self._exporter = exporter
        self._heard = _LibraryWarnings()
        self._full = False
        self.failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result, self._heard.first = SpanExportResult.FAILURE, ""
        with contextlib.suppress(Exception):  # whatever it is, it may not end the thread
            result = self._exporter.export(spans)
        failing = result is not SpanExportResult.SUCCESS
        if failing and not self.failing:
            extra = {"reason": self._heard.first}
            log.warning("the collector takes no traces, they are lost", extra=extra)
        elif self.failing and not failing:
            log.info("the collector takes traces again")
        elif self._heard.full and not (failing or self._full):
            self._full = True
            log.warning("traces come faster than the collector takes them, some are lost")
        self.failing = failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _LibraryWarnings(logging.Handler):
    """Keeps what the libraries say, from now on, instead of each line in the log."""

    first = ""
    full = False
    """Whether they have said that spans had no more room to wait."""

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
    # Asked for now: the thread must not look at the environment while keepers are started.
    endpoint = settings.otel_exporter_otlp_traces_endpoint or settings.otel_exporter_otlp_endpoint
    session.proxies.update(requests.utils.get_environ_proxies(endpoint))
    session.trust_env = False
    headers = parse_env_headers(settings.otel_exporter_otlp_headers, liberal=True)
    return OTLPSpanExporter(headers=headers or None, session=session)
