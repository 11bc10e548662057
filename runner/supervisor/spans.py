"""Trace spans of attempts: the wait before an attempt, the attempt itself, and its parts."""

import time
from functools import partial
from typing import TYPE_CHECKING

from storage.records.attempt_ends import Settled, SettledAttempt, SettledPart, SettledPublisher
from storage.records.job import Json, Outcome
from storage.records.trace_context import ATTEMPT, WAIT, attempt_traceparent, span_id

if TYPE_CHECKING:  # loaded only if traces are on
    from storage.telemetry.spans import Attributes, Spans

_NOT_ERRORS = {Outcome.RETURNED, Outcome.CANCELED, Outcome.RELEASED}


def send_spans(spans: "Spans | None", *observers: SettledPublisher) -> None:
    """From now on, send spans of the attempts and parts that these observers report as settled: by
    this runner or by its rescue of a dead one."""
    if spans:
        for observer in observers:
            observer.subscriber = partial(_send, spans)


def close_spans(spans: "Spans | None") -> None:
    """Send the remaining spans, within seconds."""
    if spans:
        spans.close()


def _send(spans: "Spans", end: Settled) -> None:
    if isinstance(end, SettledPart):
        _send_part(spans, end)
    else:
        _send_attempt(spans, end)


def _send_part(spans: "Spans", end: SettledPart) -> None:
    """Send the span of a part that has just ended."""
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


def _send_attempt(spans: "Spans", end: SettledAttempt) -> None:
    """Send the spans of an attempt and of the wait before it."""
    fence, origin, usage = end.fence, end.fence.trace_origin, end.end.usage
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
        (fence.started_at, end.at),
        {
            **attributes,
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
    if outcome in _NOT_ERRORS:
        return None
    return {"type": outcome.value, "message": "", **(end.end.error or {})}
