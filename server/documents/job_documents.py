"""Builds the documents, headers and paths of jobs: field names and formats are defined here.

The documents of events and of output are in `server.events.documents`.
"""

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast, overload
from urllib.parse import urlencode
from uuid import UUID

from server.documents.filters import encode_cursor
from server.documents.options.dependencies import OnFailure
from server.documents.schemas.common import Error
from server.documents.schemas.job_schemas import (
    AttemptDocument,
    BulkDocument,
    HolderDocument,
    JobDocument,
    JobView,
    LimitsDocument,
    PageDocument,
    UploadDocument,
)
from server.documents.views import DEFAULT, View
from storage.queries.bulk import BulkChange
from storage.records.job import Attempt, Job, Upload
from storage.records.job_limits import OwnLimits
from storage.records.json_values import JsonValue
from storage.records.states import Status
from storage.store import Page

MAX_RETRY_AFTER = 3600
"""Seconds. A job that is due later can still change earlier, for example by a cancel."""
_FOR_LINES = frozenset({"line_index", "access_points"})
"""What an analysis notes about its file, for the service alone: it finds lines faster."""


@overload
def rfc3339(ms: int) -> str: ...
@overload
def rfc3339(ms: int | None) -> str | None: ...
def rfc3339(ms: int | None) -> str | None:
    """Format milliseconds since 1970 as RFC 3339 in UTC; None stays None."""
    if ms is None:
        return None
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(4096)  # the times of one job, and of jobs on one page, often share a second
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")[:-6]


def retry_after(seconds: float) -> str:
    """Return the value of a Retry-After header: whole seconds, at least 1."""
    return str(min(MAX_RETRY_AFTER, max(1, math.ceil(seconds))))


def bulk_document(change: BulkChange, dry_run: bool) -> BulkDocument:
    """Build the response to a bulk cancel or retry."""
    return {
        "matched": change.matched,
        "changed": change.changed,
        "dry_run": dry_run,
        "next": encode_cursor(change.next) if change.next else None,
    }


def job_document(job: Job) -> JobDocument:
    """Build the document of a job with all its fields."""
    return {
        "job_id": str(job.id),
        "type": job.type,
        "status": job.status,
        "payload": job.payload,
        "result": public_result(job),
        "error": cast("Error | None", job.error),
        "progress": job.progress,
        "attempt": job.attempt,
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "loss_count": job.loss_count,
        "max_losses": job.max_losses,
        "client_retries": job.client_retries,
        "priority": job.priority,
        "queue": job.queue,
        "tags": list(job.tags),
        "metadata": job.metadata,
        "after": [str(job_id) for job_id in job.after],
        "on_failure": cast("OnFailure | None", job.on_failure),
        "input": None if job.input_from is None else {"from": str(job.input_from)},
        "expires_at": rfc3339(job.expires_at),
        "finish_by": rfc3339(job.finish_by),
        "missed_at": rfc3339(job.missed_at),
        "backoff": job.backoff,
        "unique_key": job.unique_key,
        "unique": job.unique_scope,
        "schedule": job.schedule,
        "nominal_at": rfc3339(job.nominal_at),
        "concurrency_key": job.concurrency_key,
        "max_per_key": job.max_per_key,
        **limits_document(job.limits or {}),
        "keep_for": None if job.keep_ms is None else job.keep_ms / 1000,
        "callback_url": job.callback_url,
        "batch_id": None if job.batch_id is None else str(job.batch_id),
        "submitted_by": job.submitted_by,
        "canceled_by": job.canceled_by,
        "timeout": job.timeout,
        "created_at": rfc3339(job.created_at),
        "run_at": rfc3339(job.run_at),
        "started_at": rfc3339(job.started_at),
        "finished_at": rfc3339(job.finished_at),
        "cancel_requested_at": rfc3339(job.cancel_requested_at),
        **_holder_document(job),
        "upload": _upload_document(job.upload),
        "files": job.files,
        "attempts": [_attempt_document(attempt) for attempt in job.attempts],
    }


def _holder_document(job: Job) -> HolderDocument:
    return {"runner": job.locked_by, "locked_by": job.locked_by}


def limits_document(limits: OwnLimits) -> LimitsDocument:
    """Build the part of a document that has the limits of a job or of a worker."""
    return {
        "memory_bytes": limits.get("memory_bytes"),
        "cpu_seconds": limits.get("cpu_seconds"),
        "max_output_bytes": limits.get("max_output_bytes"),
        "nice": limits.get("nice"),
    }


def _upload_document(upload: Upload | None) -> UploadDocument | None:
    if upload is None:
        return None
    return {"name": upload.name, "size": upload.size, "sha256": upload.sha256}


def job_headers(job: Job) -> dict[str, str]:
    """Return the headers for a response that contains this job: Retry-After, unless it is final."""
    if job.final:
        return {}
    # This machine's clock is exact enough here; the store's clock would cost a query.
    seconds = job.run_at / 1000 - time.time() if job.status is Status.QUEUED else 0.0
    return {"Retry-After": retry_after(seconds)}


def job_view(job: Job, view: View = DEFAULT) -> JobView:
    """Build the document of a job with the fields of a view."""
    return view.of(job_document(job))


def public_result(job: Job) -> JsonValue:
    """Return the result of a job, without what an analysis notes for the reading of its lines."""
    result = job.result
    if job.type != "analyze" or not (isinstance(result, dict) and "file" in result):
        return result
    file = {name: value for name, value in result["file"].items() if name not in _FOR_LINES}
    return {**result, "file": file}


def page_document(page: Page, limit: int, view: View = DEFAULT) -> PageDocument:
    """Build one page of the list of jobs, with the fields of a view."""
    items = [job_view(job, view) for job in page.jobs]
    next_cursor = encode_cursor(page.next) if page.next else None
    return {"items": items, "limit": limit, "next": next_cursor}


def set_document(jobs: Mapping[UUID, Job | None], view: View = DEFAULT) -> PageDocument:
    """Build the response for jobs requested by id: the found ones in this order, and the unknown
    ids.
    """
    items = [job_view(job, view) for job in jobs.values() if job]
    unknown = [str(job_id) for job_id, job in jobs.items() if job is None]
    return {"items": items, "limit": len(jobs), "next": None, "unknown": unknown}


def next_link(root_path: str, query: Mapping[str, str | list[str]], page_after: UUID) -> str:
    """Return the Link header that points to the next page of a list (RFC 8288)."""
    parameters = urlencode({**query, "cursor": encode_cursor(page_after)}, doseq=True)
    return f'<{root_path}/jobs?{parameters}>; rel="next"'


def _attempt_document(attempt: Attempt) -> AttemptDocument:
    started_at, finished_at = attempt.started_at, attempt.finished_at
    seconds = None if finished_at is None else (finished_at - started_at) / 1000
    cpu_seconds = attempt.usage.cpu_seconds
    return {
        "attempt": attempt.number,
        "runner": attempt.runner,
        "started_at": rfc3339(started_at),
        "finished_at": rfc3339(finished_at),
        "seconds": seconds,
        "outcome": attempt.outcome,
        "error": cast("Error | None", attempt.error),
        "cpu_seconds": None if cpu_seconds is None else round(cpu_seconds, 6),
        "peak_memory_bytes": attempt.usage.peak_memory_bytes,
        "pid": attempt.usage.pid,
        "traceback": attempt.traceback,
        "last_lines": list(attempt.last_lines),
    }
