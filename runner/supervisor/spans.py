"""Trace spans of attempts: the wait before an attempt, and the attempt itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.jobs.transitions import Settlement
from storage.records.job import Outcome
from storage.records.trace_context import ATTEMPT, WAIT, span_id

if TYPE_CHECKING:  # loaded only if traces are on
    from storage.telemetry.spans import Attributes, Spans

_NOT_ERRORS = {Outcome.RETURNED, Outcome.CANCELED, Outcome.RELEASED}


class AttemptSpans:
    """Sends spans when an attempt is settled, by this runner or by its rescue of a dead runner."""

    def __init__(self, spans: "Spans | None"):
        """Without `spans`, nothing is sent."""
        self._spans = spans

    def send(self, settled: Sequence[tuple[Settlement, int]]) -> None:
        """Send the spans of attempts that were settled at the times given."""
        if self._spans:
            for settlement, at in settled:
                _send_attempt(self._spans, settlement, at)

    def close(self) -> None:
        """Send the remaining spans, within seconds."""
        if self._spans:
            self._spans.close()


def _send_attempt(spans: "Spans", settlement: Settlement, at: int) -> None:
    """Send the spans of an attempt and of the wait before it."""
    fence, outcome = settlement.fence, settlement.outcome
    origin = fence.trace_origin
    assert origin
    attributes: Attributes = {
        "job.id": str(fence.job_id),
        "job.type": fence.type,
        "job.attempt": fence.attempt,
        "job.runner": fence.runner,
    }
    spans.add(
        "wait",
        origin.traceparent,
        (origin.due_at, fence.started_at),
        attributes,
        id=span_id(WAIT, fence.job_id, fence.attempt),
    )
    spans.add(
        fence.type,
        origin.traceparent,
        (fence.started_at, at),
        {
            **attributes,
            "job.outcome": outcome.kind,
            "job.status": settlement.transition.target.value,
            "job.cpu_seconds": outcome.cpu_seconds,
            "job.peak_memory_bytes": outcome.peak_memory_bytes,
            "process.pid": outcome.pid,
        },
        id=span_id(ATTEMPT, fence.job_id, fence.attempt),
        kind="consumer",
        error=None
        if outcome.kind in _NOT_ERRORS
        else {"type": outcome.kind, "message": "", **(outcome.error or {})},
    )
