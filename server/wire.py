"""Jobs as clients see them. The only place that knows the names and formats on the wire."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from storage.job import Attempt, Job
from storage.states import Status
from storage.store import Page


def encode(document: Any) -> bytes:
    """JSON in UTF-8, with a newline for those who read it at a terminal."""
    return json.dumps(document, ensure_ascii=False, separators=(", ", ": ")).encode() + b"\n"


def time(ms: int | None) -> str | None:
    """Milliseconds since 1970 as RFC 3339 in UTC."""
    if ms is None:
        return None
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def job_path(job_id: UUID) -> str:
    """Where a job is found."""
    return f"/jobs/{job_id}"


def accepted_document(job_id: UUID) -> dict[str, Any]:
    """The answer to a new job."""
    return {"job_id": str(job_id), "status": Status.QUEUED}


def cancel_document(job: Job) -> dict[str, Any]:
    """The answer to a cancel: done, or still under way."""
    message = "job canceled successfully" if job.final else "cancel requested"
    return {"job_id": str(job.id), "status": job.status, "message": message}


def job_document(job: Job) -> dict[str, Any]:
    """All that a client wants to know of a job."""
    return {
        "job_id": str(job.id),
        "type": job.type,
        "status": job.status,
        "payload": job.payload,
        "result": job.result,
        "error": job.error,
        "progress": job.progress,
        "attempt": job.attempt,
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "priority": job.priority,
        "timeout": job.timeout,
        "created_at": time(job.created_at),
        "run_at": time(job.run_at),
        "started_at": time(job.started_at),
        "finished_at": time(job.finished_at),
        "cancel_requested_at": time(job.cancel_requested_at),
        "locked_by": job.locked_by,
        "upload": job.upload
        and {"name": job.upload.name, "size": job.upload.size, "sha256": job.upload.sha256},
        "attempts": [_attempt_document(attempt) for attempt in job.attempts],
    }


def page_document(page: Page, limit: int) -> dict[str, Any]:
    """A part of the list of jobs."""
    items = [job_document(job) for job in page.jobs]
    return {"items": items, "limit": limit, "next": page.next and cursor(page.next)}


def next_link(page_after: UUID, limit: int, status: Status | None) -> str:
    """The Link header to the next part of a list (RFC 8288)."""
    query = {"status": status, "limit": limit, "cursor": cursor(page_after)}
    return f'</jobs?{urlencode({k: v for k, v in query.items() if v})}>; rel="next"'


def cursor(job_id: UUID) -> str:
    """A place in the list, opaque to clients."""
    return base64.urlsafe_b64encode(job_id.bytes).rstrip(b"=").decode()


def parse_cursor(text: str) -> UUID:
    """The place a cursor names. Raises ValueError if it is none of ours."""
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("not a cursor: use the value of `next` from the page before") from None


def _attempt_document(attempt: Attempt) -> dict[str, Any]:
    end, usage = attempt.finished_at, attempt.usage
    return {
        "attempt": attempt.number,
        "runner": attempt.runner,
        "started_at": time(attempt.started_at),
        "finished_at": time(end),
        "seconds": None if end is None else (end - attempt.started_at) / 1000,
        "outcome": attempt.outcome,
        "error": attempt.error,
        "cpu_seconds": usage.cpu_seconds,
        "peak_memory_bytes": usage.peak_memory_bytes,
    }
