"""The spans of requests that change what becomes of a job."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from storage.records.job import Job, NewJob

if TYPE_CHECKING:  # loaded only where traces are on
    from storage.telemetry.spans import Attributes, OpenSpan, Spans


class SubmissionSpan:
    """A POST /jobs that may be accepted; if it is not, nothing is sent of it."""

    def __init__(self, span: "OpenSpan"):
        self._span = span
        self.traceparent = span.traceparent
        """To be stored with the job."""

    def accepted(self, job: NewJob) -> None:
        """The job is stored: send the span."""
        self._span.end({**_named(job), "http.response.status_code": 202})


class RequestSpans:
    """Makes the spans of a listener's requests; none where it has no `spans`."""

    def __init__(self, spans: "Spans | None" = None):
        self._spans = spans

    def close(self) -> None:
        """Send what is left, if anything, within seconds."""
        if self._spans:
            self._spans.close()

    def submission(self, headers: Mapping[str, str]) -> SubmissionSpan | None:
        """A POST /jobs has begun, perhaps in a trace of its client."""
        if self._spans is None:
            return None
        asked = {"http.request.method": "POST", "http.route": "/jobs", "url.path": "/jobs"}
        return SubmissionSpan(self._spans.begin("POST /jobs", headers, asked))

    def change(
        self, job: Job, action: str, status: int, headers: Mapping[str, str], began_at: float
    ) -> None:
        """A POST /jobs/ID/ACTION that began then, in seconds since 1970, has changed a job: a span
        in the job's trace, with a link to that of the client."""
        if self._spans is None or job.traceparent is None:
            return
        route = f"/jobs/{{job_id}}/{action}"
        times = round(began_at * 1000), round(time.time() * 1000)
        said: Attributes = {
            "http.request.method": "POST",
            "http.route": route,
            "http.response.status_code": status,
            **_named(job),
        }
        name = f"POST {route}"
        self._spans.add(name, job.traceparent, times, said, kind="server", links=headers)


def _named(job: Job | NewJob) -> dict[str, str]:
    return {"job.id": str(job.id), "job.type": job.type, "job.queue": job.queue}
