"""Jobs as clients see them. The only place that knows the names and formats on the wire."""

import math
import time as clock
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast, overload
from urllib.parse import urlencode
from uuid import UUID

from server.documents import job_schemas as answers
from server.documents.cursors import cursor, cursor_or_none
from storage.queries.bulk import BulkChange
from storage.queries.explain import Explanation
from storage.records.job import Attempt, Job, Upload
from storage.records.states import Status
from storage.store import Page

MAX_RETRY_AFTER = 3600  # seconds; a job that is put off longer can still be canceled meanwhile


@overload
def time(ms: int) -> str: ...
@overload
def time(ms: int | None) -> str | None: ...
def time(ms: int | None) -> str | None:
    """Milliseconds since 1970 as RFC 3339 in UTC."""
    if ms is None:
        return None
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(4096)  # the times of a job, and of those that are asked for together, are close
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")[:-6]


def job_path(job_id: UUID) -> str:
    """Where a job is found."""
    return f"/jobs/{job_id}"


def accepted_document(job_id: UUID) -> answers.AcceptedDocument:
    """The answer to a new job."""
    return {"job_id": str(job_id), "status": Status.QUEUED}


def cancel_document(job: Job) -> answers.ChangedDocument:
    """The answer to a cancel: done, or still under way."""
    message = "job canceled successfully" if job.final else "cancel requested"
    return {"job_id": str(job.id), "status": job.status, "message": message}


def retry_after(seconds: float | None) -> str:
    """When to ask again, as a header says it; in a second where nothing is known."""
    return str(min(MAX_RETRY_AFTER, max(1, math.ceil(seconds or 0))))


def explain_document(
    situation: Explanation, reasons: Sequence[tuple[str, str]]
) -> answers.ExplainDocument:
    """Why a job does not run yet; `reasons` are codes with what they mean."""
    job, ahead, seconds = situation.job, situation.ahead, situation.seconds
    starts_at = None if seconds is None else situation.now + round(seconds * 1000)
    return {
        "job_id": str(job.id),
        "status": job.status,
        "reasons": [{"code": code, "detail": detail} for code, detail in reasons],
        "position": None if ahead is None else ahead + 1,
        "ahead": ahead,
        "ahead_is_more": situation.is_more,
        "run_at": time(job.run_at),
        "runners": len(situation.runners),
        "slots": sum(runner.slots for runner in situation.runners),
        "busy": sum(runner.busy for runner in situation.runners),
        "estimated_start_at": time(starts_at),
        "estimated_seconds": None if seconds is None else round(seconds, 3),
    }


def bulk_document(done: BulkChange, dry_run: bool) -> answers.BulkDocument:
    """The answer to a change of many jobs."""
    return {
        "matched": done.matched,
        "changed": done.changed,
        "dry_run": dry_run,
        "next": cursor_or_none(done.next),
    }


def retry_document(job_id: UUID) -> answers.ChangedDocument:
    """The answer to a retry."""
    return {"job_id": str(job_id), "status": Status.QUEUED, "message": "job queued again"}


def job_document(job: Job) -> answers.JobDocument:
    """All that a client wants to know of a job."""
    return {
        "job_id": str(job.id),
        "type": job.type,
        "status": job.status,
        "payload": job.payload,
        "result": job.result,
        "error": cast("answers.Error | None", job.error),
        "progress": job.progress,
        "attempt": job.attempt,
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "client_retries": job.client_retries,
        "priority": job.priority,
        "queue": job.queue,
        "callback_url": job.callback_url,
        "submitted_by": job.submitted_by,
        "canceled_by": job.canceled_by,
        "timeout": job.timeout,
        "created_at": time(job.created_at),
        "run_at": time(job.run_at),
        "started_at": time(job.started_at),
        "finished_at": time(job.finished_at),
        "cancel_requested_at": time(job.cancel_requested_at),
        "locked_by": job.locked_by,
        "upload": None if job.upload is None else _upload_document(job.upload),
        "attempts": [_attempt_document(attempt) for attempt in job.attempts],
    }


def job_headers(job: Job) -> dict[str, str]:
    """Headers of an answer with a job."""
    if job.final:
        return {}
    # By this machine's clock, since it need not be exact.
    later = job.run_at / 1000 - clock.time() if job.status is Status.QUEUED else 0.0
    return {"Retry-After": retry_after(later)}


def page_document(page: Page, limit: int) -> answers.PageDocument:
    """A part of the list of jobs."""
    items = [job_document(job) for job in page.jobs]
    return {"items": items, "limit": limit, "next": cursor_or_none(page.next)}


def set_document(jobs: Mapping[UUID, Job | None]) -> answers.SetDocument:
    """Jobs that were asked for by their ids, in that order, and the ids that no job has."""
    items = [job_document(job) for job in jobs.values() if job]
    unknown = [str(job_id) for job_id, job in jobs.items() if job is None]
    return {"items": items, "limit": len(jobs), "next": None, "unknown": unknown}


def next_link(query: Mapping[str, str], page_after: UUID) -> str:
    """The Link header to the next part of a list (RFC 8288)."""
    return f'</jobs?{urlencode({**query, "cursor": cursor(page_after)})}>; rel="next"'


def _upload_document(upload: Upload) -> answers.UploadDocument:
    return {"name": upload.name, "size": upload.size, "sha256": upload.sha256}


def _attempt_document(attempt: Attempt) -> answers.AttemptDocument:
    end, usage = attempt.finished_at, attempt.usage
    return {
        "attempt": attempt.number,
        "runner": attempt.runner,
        "started_at": time(attempt.started_at),
        "finished_at": time(end),
        "seconds": None if end is None else (end - attempt.started_at) / 1000,
        "outcome": attempt.outcome,
        "error": cast("answers.Error | None", attempt.error),
        "cpu_seconds": usage.cpu_seconds,
        "peak_memory_bytes": usage.peak_memory_bytes,
        "pid": usage.pid,
        "last_lines": list(attempt.last_lines),
    }
