"""Trace contexts of jobs and their attempts. Imports nothing of ours.

POST /jobs ──traceparent, stored with the job──▶ wait 1, attempt 1, wait 2, attempt 2, …

`00-TRACE-SPAN-FLAGS` is the format of W3C Trace Context; here it names the span of the submission.
The ids of all other spans are derived from the attempt. So a job can know its own span before the
span is sent, and any runner that settles the attempt sends the same span.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

WAIT = "wait"
ATTEMPT = "attempt"


@dataclass(frozen=True)
class TraceOrigin:
    """Where the spans of an attempt start.

    `traceparent` is the span of the submission, `due_at` is when the job became due, in
    milliseconds since 1970.
    """

    traceparent: str
    due_at: int


def trace_origin(traceparent: str | None, created_at: int, run_at: int) -> TraceOrigin | None:
    """Return the TraceOrigin of a job, or None if the job is not traced."""
    return None if traceparent is None else TraceOrigin(traceparent, max(created_at, run_at))


def span_id(kind: str, job_id: UUID, attempt: int) -> int:
    """Return the id of a WAIT or ATTEMPT span: 64 bits, never zero."""
    name = f"{kind}/{job_id}/{attempt}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") or 1


def attempt_traceparent(traceparent: str, job_id: UUID, attempt: int) -> str:
    """Return the `traceparent` text for the attempt of a traced job."""
    version, trace, _, flags = traceparent.split("-")
    return f"{version}-{trace}-{span_id(ATTEMPT, job_id, attempt):016x}-{flags}"
