"""The spans of requests that submit or change a job."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from storage.records.job import Job, NewJob

if TYPE_CHECKING:  # loaded only if tracing is on
    from storage.telemetry.spans import Attributes, Spans


class SubmissionSpan:
    """The span of a POST /jobs. It is sent only if the job is accepted."""

    def __init__(self, traceparent: str, end: "Callable[[Attributes], None]"):
        self.traceparent = traceparent
        """The trace context to store with the job."""
        self._end = end

    def accepted(self, job: NewJob) -> None:
        """Send the span of a job that was stored."""
        self._end({**_job_attributes(job), "http.response.status_code": 202})


class RequestSpans:
    """Creates the spans of a listener's requests."""

    def __init__(self, spans: "Spans"):
        self._spans = spans

    def submission(self, headers: Mapping[str, str]) -> SubmissionSpan:
        """Begin the span of a POST /jobs, in the client's trace if there is one."""
        attributes = {"http.request.method": "POST", "http.route": "/jobs", "url.path": "/jobs"}
        return SubmissionSpan(*self._spans.begin("POST /jobs", headers, attributes))

    def job_changed(
        self, job: Job, action: str, status: int, headers: Mapping[str, str], began_at: float
    ) -> None:
        """Send the span of a POST /jobs/ID/ACTION that has changed a job.

        It began at `began_at`, in seconds since 1970. The span belongs to the job's trace, and
        links to the client's.
        """
        if job.traceparent is None:
            return
        route = f"/jobs/{{job_id}}/{action}"
        times = round(began_at * 1000), round(time.time() * 1000)
        attributes: Attributes = {
            "http.request.method": "POST",
            "http.route": route,
            "http.response.status_code": status,
            **_job_attributes(job),
        }
        name = f"POST {route}"
        self._spans.add(name, job.traceparent, times, attributes, kind="server", links=headers)


def _job_attributes(job: Job | NewJob) -> dict[str, str]:
    return {"job.id": str(job.id), "job.type": job.type, "job.queue": job.queue}
