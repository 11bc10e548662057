"""Creates spans with OpenTelemetry's libraries. Loaded only if tracing is on; see tracing.py."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from storage.records.job import Json
from storage.telemetry.exporter import SpanSender
from storage.telemetry.logs import instance

if TYPE_CHECKING:
    from storage.settings.traces import TraceSettings

_CONTEXT = TraceContextTextMapPropagator()
_MS = 1_000_000  # nanoseconds

Attributes = Mapping[str, str | int | float | bool | None]


class Spans:
    """Creates and sends spans. `begin` may be called by many threads, `add` by one only."""

    def __init__(self, settings: "TraceSettings", program: str):
        """Start the sending thread. `program` is `listener` or `worker`."""
        _forget_empty_settings()
        own = {"service.name": f"job-service-{program}", "service.instance.id": instance()}
        # Merged last, so that values from the environment take precedence.
        resource = Resource.create(own).merge(OTELResourceDetector().detect())
        self._ids = _PresetIds()
        provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._sender = SpanSender(settings)
        provider.add_span_processor(self._sender)
        self._tracer = provider.get_tracer("job-service")

    def begin(self, name: str, headers: Mapping[str, str], attributes: Attributes) -> "OpenSpan":
        """Begin the span of a request, in the trace that its headers name, or in a new one."""
        context = _CONTEXT.extract(headers)
        span = self._tracer.start_span(
            name, context, kind=SpanKind.SERVER, attributes=_without_none(attributes)
        )
        return OpenSpan(span)

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
        """Send the remaining spans, within seconds."""
        self._sender.close()


class OpenSpan:
    """The span of a request in progress. A span that is never ended is not sent."""

    def __init__(self, span: Span):
        self._span = span

    @property
    def traceparent(self) -> str:
        """The W3C `traceparent` header that refers to this span."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, attributes: Attributes) -> None:
        """End the span, when the request has been answered."""
        self._span.set_attributes(_without_none(attributes))
        self._span.end()


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
