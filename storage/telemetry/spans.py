"""Creates spans with OpenTelemetry's SDK, which sends them in batches from a thread.

Loaded only if tracing is on; see `open_spans` in start_up.py.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from storage.records.json_values import Json
from storage.settings.traces import TraceSettings
from storage.telemetry.logs import instance

log = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0
"""Time limit for sending the last spans at the end."""
_CONTEXT = TraceContextTextMapPropagator()
_MS = 1_000_000  # nanoseconds

Attributes = Mapping[str, str | int | float | bool | None]


class Spans:
    """Creates and sends spans. `begin` may be called by many threads, `add` by one only.

    Nothing waits for the collector. Spans that it does not take are lost.
    """

    def __init__(self, settings: TraceSettings, program: str):
        """Start the sending thread. `program` is `listener` or `worker`."""
        _forget_empty_settings()
        own = {"service.name": f"job-service-{program}", "service.instance.id": instance()}
        # Merged last, so that values from the environment take precedence.
        resource = Resource.create(own).merge(OTELResourceDetector().detect())
        self._ids = _PresetIds()
        self._exporter = _Exporter(settings)
        self._provider = TracerProvider(
            resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("job-service")

    def begin(
        self, name: str, headers: Mapping[str, str], attributes: Attributes
    ) -> tuple[str, Callable[[Attributes], None]]:
        """Begin the span of a request, in the trace that its headers name, or in a new one.

        Returns the W3C `traceparent` header that refers to the span, and a function that adds
        attributes to it and ends it. A span that is never ended is not sent.
        """
        span = self._tracer.start_span(
            name,
            _CONTEXT.extract(headers),
            kind=SpanKind.SERVER,
            attributes=_without_none(attributes),
        )

        def end(more: Attributes) -> None:
            span.set_attributes(_without_none(more))
            span.end()

        context = span.get_span_context()
        return (
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}",
            end,
        )

    def add(
        self,
        name: str,
        traceparent: str,
        times: tuple[int, int],
        attributes: Attributes,
        *,
        id: int | None = None,
        kind: Literal["internal", "server", "consumer"] = "internal",
        links: Mapping[str, str] | None = None,
        error: Json | None = None,
    ) -> None:
        """Add a finished span below the span `traceparent`; `times` are its start and end in
        milliseconds since 1970.

        `links` are headers that may name another, related trace. `error` is {"type", "message"}.
        """
        start, end = times[0] * _MS, max(times) * _MS  # the clock may have been set back
        self._ids.next = id
        span = self._tracer.start_span(
            name,
            _CONTEXT.extract({"traceparent": traceparent}),
            kind=SpanKind[kind.upper()],
            attributes=_without_none(attributes),
            links=_links(links or {}),
            start_time=start,
        )
        if error:
            span.set_status(Status(StatusCode.ERROR, f"{error['type']}: {error['message']}"))
            said = {f"exception.{name}": error[name] for name in ("type", "message")}
            span.add_event("exception", said, timestamp=end)
        span.end(end)

    def close(self) -> None:
        """Send the remaining spans, for up to CLOSE_SECONDS."""
        # In a thread, because the SDK waits for 30 seconds.
        last = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(CLOSE_SECONDS)
        if last.is_alive() and not self._exporter.failing:
            log.warning("traces are lost: the collector takes too long for the last of them")


class _Exporter(OTLPSpanExporter):
    """Logs once when spans begin to be lost, and once when they no longer are.

    A full queue with a working collector is logged once in the life of the program.
    """

    def __init__(self, settings: TraceSettings):
        given = settings.otel_exporter_otlp_traces_endpoint or settings.otel_exporter_otlp_endpoint
        session = requests.Session()
        # Read now: the thread must not read the environment while keepers are started.
        session.proxies.update(requests.utils.get_environ_proxies(given))
        session.trust_env = False
        headers = parse_env_headers(settings.otel_exporter_otlp_headers, liberal=True)
        super().__init__(headers=headers or None, session=session)
        self._warnings = _LibraryWarnings()
        self._full_reported = False
        self.failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch of spans. Called by the thread of the SDK."""
        self._warnings.first = ""
        result = super().export(spans)
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


class _LibraryWarnings(logging.Handler):
    """Keeps the SDK's log messages out of our log, which gets one line instead of each."""

    first = ""
    """The first message since this was last emptied: why an export has failed."""
    full = False
    """Whether the SDK has dropped spans because its queue was full."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.full |= text.startswith("Queue full")
        self.first = self.first or text


class _PresetIds(RandomIdGenerator):
    """Generates random ids, unless the next span id is given."""

    next: int | None = None

    def generate_span_id(self) -> int:
        known, self.next = self.next, None
        return known or super().generate_span_id()


def _forget_empty_settings() -> None:
    """Remove empty OTEL_* variables: they count as not set, but the libraries may fail on them."""
    for name in [name for name, value in os.environ.items() if name.startswith("OTEL_")]:
        if not os.environ[name].strip():
            del os.environ[name]


def _without_none(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in attributes.items() if value is not None}


def _links(headers: Mapping[str, str]) -> list[Link]:
    context = get_current_span(_CONTEXT.extract(headers)).get_span_context()
    return [Link(context)] if context.is_valid else []
