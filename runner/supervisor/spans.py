"""The spans of attempts: of each, the wait before it, the attempt itself, and its parts."""

import time
from functools import partial
from typing import TYPE_CHECKING

from storage.records.attempt_ends import Settled, SettledAttempt, SettledPublisher, SettledPart
from storage.records.job import AttemptOutcome, Json
from storage.records.trace_context import ATTEMPT, WAIT, attempt_traceparent, span_id

if TYPE_CHECKING:  # loaded only where traces are on
    from storage.telemetry.spans import Attributes, Spans

_FINE = {AttemptOutcome.RETURNED, AttemptOutcome.CANCELED, AttemptOutcome.RELEASED}


class AttemptSpans:
    """Sends them when an attempt has ended: of this runner, or of one that is dead. None where it
    has no `spans`."""

    def __init__(self, spans: "Spans | None"):
        self._spans = spans

    def follow(self, *ends: SettledPublisher) -> None:
        """From now on send the spans of these."""
        if self._spans:
            for each in ends:
                each.subscriber = partial(_tell, self._spans)

    def close(self) -> None:
        """Send what is left, if anything, within seconds."""
        if self._spans:
            self._spans.close()


def _tell(spans: "Spans", end: Settled) -> None:
    if isinstance(end, SettledPart):
        _tell_part(spans, end)
    else:
        _tell_attempt(spans, end)


def _tell_part(spans: "Spans", end: SettledPart) -> None:
    """A part that has ended just now."""
    job, now = end.job, round(time.time() * 1000)
    assert job.traceparent
    spans.add(
        f"{job.type} part",
        attempt_traceparent(job.traceparent, job.id, job.attempt),
        (now - round(end.seconds * 1000), now),
        {
            "job.id": str(job.id),
            "job.type": job.type,
            "job.attempt": job.attempt,
            "job.part": end.number,
            "job.runner": end.runner,
            "job.outcome": end.outcome,
        },
        kind="consumer",
        error=end.error,
    )


def _tell_attempt(spans: "Spans", end: SettledAttempt) -> None:
    fence, origin, usage = end.fence, end.fence.trace_origin, end.end.usage
    assert origin
    named: Attributes = {
        "job.id": str(fence.job_id),
        "job.type": fence.type,
        "job.attempt": fence.attempt,
        "job.runner": fence.runner,
    }
    spans.add(
        "wait",
        origin.traceparent,
        (origin.due_at, fence.started_at),
        named,
        id=span_id(WAIT, fence.job_id, fence.attempt),
    )
    spans.add(
        fence.type,
        origin.traceparent,
        (fence.started_at, end.at),
        {
            **named,
            "job.outcome": end.end.outcome.value,
            "job.status": end.status.value,
            "job.cpu_seconds": usage.cpu_seconds,
            "job.peak_memory_bytes": usage.peak_memory_bytes,
            "process.pid": usage.pid,
        },
        id=span_id(ATTEMPT, fence.job_id, fence.attempt),
        kind="consumer",
        error=_error(end),
    )


def _error(end: SettledAttempt) -> Json | None:
    outcome = end.end.outcome
    if outcome in _FINE:
        return None
    return {"type": outcome.value, "message": "", **(end.end.error or {})}
