"""Whether there are traces: OpenTelemetry's libraries are loaded only if so."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.settings.traces import TraceSettings
    from storage.telemetry.spans import Spans


class TracingError(Exception):
    """What traces lack to be sent."""


def open_spans(settings: "TraceSettings", program: str) -> "Spans | None":
    """What sends the spans of a program, listener or worker; None where traces are off.

    Raises TracingError where the libraries are not installed.
    """
    if not settings.traces:
        return None
    try:
        from storage.telemetry.spans import Spans
    except ImportError as error:
        needed = "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"
        raise TracingError(f"traces need {needed}, see requirements.txt: {error}") from error
    return Spans(settings, program)
