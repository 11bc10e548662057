"""The first steps of a program: its settings and its traces, or in the format of its log why it
cannot start."""

import os
from typing import TYPE_CHECKING, TypeVar

from storage.settings.settings import Settings, SettingsError
from storage.settings.traces import TraceSettings
from storage.telemetry.logs import exit_with, set_up_logs

if TYPE_CHECKING:
    from storage.telemetry.spans import Spans

T = TypeVar("T", bound=Settings)
NO_TRACING = (
    "cannot start: traces need the packages in requirements-tracing.txt; an image has them if it "
    "is built with --build-arg TRACING=1"
)


def read_or_exit(cls: type[T]) -> T:
    """Read the settings of a program. Exits with code 1 and reports every problem on stderr."""
    try:
        return cls.read()
    except SettingsError as error:
        set_up_logs("INFO", os.environ.get("LOG_FORMAT", "").strip(), cls.program)
        exit_with(f"cannot start, the settings are invalid:\n{error}")


def open_spans(settings: TraceSettings, program: str) -> "Spans | None":
    """Return what creates and sends the spans of a program (`listener` or `worker`).

    None if traces are off: then OpenTelemetry is not loaded. Exits with code 1 if its packages are
    not installed.
    """
    if not settings.traces:
        return None
    try:
        from storage.telemetry.spans import Spans  # not at the top, as it loads OpenTelemetry
    except ImportError as error:
        exit_with(f"{NO_TRACING}: {error}")
    return Spans(settings, program)
