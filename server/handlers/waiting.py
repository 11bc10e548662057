"""How long a request wants to wait for the end of a job: `?wait=30`, or `Prefer: wait=30`
(RFC 7240)."""

import time
from uuid import UUID

from server.filters import MAX_WAIT_SECONDS
from server.handlers.base import Handler
from server.problems import FieldError, unacceptable
from server.services import Services
from storage.job import Job


def wait_seconds(handler: Handler) -> float:
    """The seconds, 0 if the request does not say. Raises Problem 422."""
    text = handler.get_query_argument("wait", None) or _preferred(handler)
    try:
        seconds = 0.0 if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        allowed = f"seconds from 0 to {MAX_WAIT_SECONDS:.0f}"
        raise unacceptable([FieldError("wait", f"it must be {allowed}")])
    return seconds


async def job_after(services: Services, job_id: UUID, seconds: float) -> Job | None:
    """A job, once it is final or the time is over, or the listener stops; None if there is none
    (any more). Raises StoreError."""
    deadline = time.monotonic() + seconds
    while True:
        ticket = services.changes.ticket()
        job = await services.jobs_by_id.ask(job_id)
        left = deadline - time.monotonic()
        if job is None or job.final or left <= 0 or services.stopping:
            return job
        await services.changes.after(ticket, left)


def _preferred(handler: Handler) -> str | None:
    preferences = handler.request.headers.get("Prefer", "").split(",")
    pairs = [preference.strip().partition("=") for preference in preferences]
    return next((value.strip() for name, _, value in pairs if name.strip() == "wait"), None)
