"""Where the trace of a job goes on. Imports nothing of ours.

POST /jobs ──traceparent, stored with the job──▶ wait 1, attempt 1, wait 2, attempt 2, …

`00-TRACE-SPAN-FLAGS` is the text of W3C's Trace Context; here it names the span of the submission.
The ids of the other spans follow from the attempt: a job can be told its own before the span is
sent, and whoever settles the attempt, its runner or another one, sends the same span.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

WAIT = "wait"
ATTEMPT = "attempt"


@dataclass(frozen=True)
class TraceOrigin:
    """What the trace of an attempt needs: the span of the submission, and since when the job was
    due for it, in milliseconds since 1970."""

    traceparent: str
    due_at: int


def trace_origin(traceparent: str | None, created_at: int, run_at: int) -> TraceOrigin | None:
    """The same from a job's times; None for a job that is not traced."""
    return None if traceparent is None else TraceOrigin(traceparent, max(created_at, run_at))


def span_id(kind: str, job_id: UUID, attempt: int) -> int:
    """The id of a WAIT or an ATTEMPT, 64 bits of which one is set."""
    name = f"{kind}/{job_id}/{attempt}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") or 1


def attempt_traceparent(traceparent: str, job_id: UUID, attempt: int) -> str:
    """The text that names the span of an attempt of a traced job."""
    version, trace, _, flags = traceparent.split("-")
    return f"{version}-{trace}-{span_id(ATTEMPT, job_id, attempt):016x}-{flags}"
