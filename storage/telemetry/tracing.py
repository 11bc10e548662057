"""Opens tracing if it is enabled. OpenTelemetry's libraries are imported only then, so this module
must not import spans.py at the top."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.settings.traces import TraceSettings
    from storage.telemetry.spans import Spans


class TracingError(Exception):
    """A library that tracing needs is missing."""


def open_spans(settings: "TraceSettings", program: str) -> "Spans | None":
    """Return the span factory of a program (`listener` or `worker`), or None if tracing is off.

    Raises TracingError if the libraries are not installed.
    """
    if not settings.traces:
        return None
    try:
        from storage.telemetry.spans import Spans
    except ImportError as error:
        needed = "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"
        raise TracingError(f"traces need {needed}, see requirements.txt: {error}") from error
    return Spans(settings, program)
