"""Builds the rows of new jobs."""

from operator import attrgetter
from uuid import UUID

from storage.db.statements import Row
from storage.jobs.transitions import to_json_text
from storage.records.holds import Hold
from storage.records.job import EncodedJson, NewJob
from storage.records.states import Status
from storage.waiting.dependencies import predecessors_text
from storage.waiting.held import hold

_PLAIN = ("expires_at", "finish_by", "schedule", "nominal_at", "batch_id")
"""Options that are stored as they are."""
_JSON = ("metadata", "backoff", "limits")
"""Options that are stored as JSON text."""
_RARE = (*_PLAIN, *_JSON, "tags", "unique_key", "concurrency_key", "after")
_rare_options = attrgetter(*_RARE, "watched", "keep_for", "expires_in")
_NO_OPTIONS = _rare_options(NewJob("", {}))


def new_row(job: NewJob, upload_id: UUID | None, now: int) -> Row:
    """Return the row of a new job, without its version."""
    payload = job.payload
    row = {
        "id": job.id,
        "type": job.type,
        "status": Status.QUEUED,
        "payload": payload.text if isinstance(payload, EncodedJson) else to_json_text(payload),
        "attempt": 0,
        "retry_count": 0,
        "max_retries": job.max_retries,
        "loss_count": 0,
        "max_losses": job.max_losses,
        "priority": job.priority,
        "timeout": job.timeout,
        "created_at": now,
        "run_at": start_of(job, now),
        "upload_id": upload_id,
        "callback_url": job.callback_url,
        "submitted_by": job.submitted_by,
        "queue": job.queue,
        "traceparent": job.traceparent,
    }
    if _rare_options(job) != _NO_OPTIONS:
        row |= _rare_columns(job, now)
    if job.holds:
        hold(row, Hold(job.holds))
    return row


def start_of(job: NewJob, now: int) -> int:
    """Return the time before which a new job does not start, in milliseconds since 1970."""
    return now + round(job.delay * 1000) if job.run_at is None else job.run_at


def expiry_of(job: NewJob, now: int) -> int | None:
    """Return the time at which a new job expires if it has not started; None for never."""
    return job.expires_at if job.expires_in is None else now + round(job.expires_in * 1000)


def _rare_columns(job: NewJob, now: int) -> Row:
    """Return the columns that few jobs set, so that no other job costs the time to bind them."""
    given = {name: getattr(job, name) for name in _JSON} | {"tags": list(job.tags) or None}
    columns: Row = {name: to_json_text(value) for name, value in given.items() if value is not None}
    columns |= _key_columns(job)
    columns |= {name: value for name in _PLAIN if (value := getattr(job, name)) is not None}
    if job.after:
        columns["predecessors"] = predecessors_text(job)
    if job.watched:
        columns["watched"] = job.watched
    if job.keep_for is not None:
        columns["keep_ms"] = round(job.keep_for * 1000)
    if job.expires_in is not None:
        columns["expires_at"] = expiry_of(job, now)
    return columns


def _key_columns(job: NewJob) -> Row:
    """Return the columns of the keys that a job has."""
    columns: Row = {}
    if job.unique_key is not None:
        columns |= {"unique_key": job.unique_key, "unique_scope": job.unique_scope or "running"}
    if job.concurrency_key is not None:
        columns |= {"concurrency_key": job.concurrency_key, "max_per_key": job.max_per_key or 1}
    return columns
