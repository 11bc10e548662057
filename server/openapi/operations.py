"""The table of all operations of the API, from which /openapi.json is generated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from server.auth.callers import Role
from server.auth.sessions import SignIn
from server.checking.analysis_query import AnalysisQuery
from server.documents import schemas
from server.documents.analysis_queries import ComparisonQuery, ReportQuery
from server.documents.comparison_schemas import ComparisonDocument
from server.documents.event_schemas import ChangeEvent, EndEvent, LogEvent
from server.documents.filters import BulkBody, ListQuery, SetQuery, ViewQuery, WaitQuery
from server.documents.lines import LinesQuery
from server.documents.queues import QueueBody, QueueChanges
from server.events.documents import EventsQuery, JobEventsQuery, LogsQuery

NEW_JOB = "new job"
"""Stands for the models of new jobs, which are generated from the job types."""
FORM = "form"
"""Stands for the model of new jobs with a file."""
FILE = "file"
"""Stands for a body that is a file as a whole."""
EVENT_STREAM = "text/event-stream"
OWN_JOBS = "submit for jobs that the caller has submitted, admin for others"
"""In place of a role."""
TAGS = {
    "jobs": "Submit, read, cancel and retry jobs",
    "events": "Follow jobs, and read their output",
    "queues": "Read and change queues",
    "service": "The state of the service, and its description",
    "session": "Who the caller is, and the sign-in of the web front end",
    "callbacks": "What the service sends at the end of a job",
}
_SUBMISSION_HEADERS = ("Location", "Idempotency-Replayed", "Preference-Applied")


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    path: str
    summary: str
    responses: Mapping[int, Any]
    """By status: the type of the document, a media type if it is not JSON, a tuple of both, or None
    for a response without content."""
    id: str
    """Names the method in generated clients."""
    tag: str
    """One of TAGS. Some generators make one class for each."""
    description: str = ""
    method: str = "get"
    role: Role | str | None = Role.READ
    """The role that the caller needs; None if no token is needed. The handlers enforce it."""
    queries: tuple[type[BaseModel], ...] = ()
    body: Any = None
    events: tuple[Any, ...] = ()
    """The types of the events in a stream."""
    problems: tuple[int, ...] = ()
    """Statuses of errors, besides those that follow from the other fields."""
    response_headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By status: headers besides those that every response has."""
    request_headers: tuple[str, ...] = ()
    """Headers besides those that follow from the other fields."""

    @property
    def is_stream(self) -> bool:
        """Whether the response is an event stream, which has no Etag."""
        return EVENT_STREAM in self.responses.values()


_SERVICE = (
    Operation(
        "/",
        "Overview of this API",
        {200: (schemas.IndexDocument, "text/html")},
        id="getIndex",
        tag="service",
        description="Lists the job types with the JSON Schema of their payloads. Browsers get the"
        " web front end.",
    ),
    Operation(
        "/healthz",
        "Check that the listener and its store respond",
        {200: schemas.HealthDocument},
        id="checkHealth",
        tag="service",
        description="For liveness probes. The status is 503 if the store does not respond.",
        role=None,
    ),
    Operation(
        "/readyz",
        "Check that new jobs can be accepted",
        {200: schemas.ReadyDocument},
        id="checkReadiness",
        tag="service",
        description="For load balancers. The status is 503 if new jobs would be refused.",
    ),
    Operation(
        "/metrics",
        "Metrics for Prometheus",
        {200: "text/plain"},
        id="getMetrics",
        tag="service",
        description="Statistics of all jobs, and of this listener.",
    ),
    Operation(
        "/overview",
        "Figures about all jobs as JSON",
        {200: schemas.OverviewDocument},
        id="getOverview",
        tag="service",
        description="A summary of the metrics: by job type, by queue, and of all living runners.",
    ),
    Operation(
        "/overview/history",
        "Figures of the last hour",
        {200: schemas.HistoryDocument},
        id="getHistory",
        tag="service",
        description="Counters once a minute; two of them give a rate. Nothing is recorded while"
        " nothing happens.",
    ),
    Operation(
        "/openapi.json",
        "This document",
        {200: dict[str, Any]},
        id="getOpenapi",
        tag="service",
        description="The description of the API, with the job types of this service.",
    ),
)
_SESSION = (
    Operation(
        "/session",
        "The caller's name and role",
        {200: schemas.SessionDocument},
        id="getSession",
        tag="session",
        description="Tells a program which token it uses, and what it may do.",
    ),
    Operation(
        "/session",
        "Sign in from a page of this service",
        {200: schemas.SessionDocument},
        id="signIn",
        tag="session",
        description="The response sets a cookie. Programs send their token with each request"
        " instead.",
        method="post",
        role=None,
        body=SignIn,
        problems=(401, 409),
        response_headers={200: ("Set-Cookie",)},
    ),
    Operation(
        "/session",
        "Sign out from a page of this service",
        {204: None},
        id="signOut",
        tag="session",
        description="The response removes the cookie.",
        method="delete",
        role=None,
        response_headers={204: ("Set-Cookie",)},
    ),
)
_JOB_LISTS = (
    Operation(
        "/jobs",
        "Submit a job",
        {200: schemas.JobView, 202: schemas.JobView},
        id="submitJob",
        tag="jobs",
        description="The status is 202 when the job is stored, and 200 if it became final during"
        " the wait. A job with a file needs a form: see uploadJob.",
        method="post",
        role=Role.SUBMIT,
        body=NEW_JOB,
        problems=(409, 507),
        queries=(WaitQuery,),
        response_headers={200: _SUBMISSION_HEADERS, 202: (*_SUBMISSION_HEADERS, "Retry-After")},
        request_headers=("Idempotency-Key", "Traceparent"),
    ),
    Operation(
        "/jobs/upload",
        "Submit a job with a file",
        {200: schemas.JobView, 202: schemas.JobView},
        id="uploadJob",
        tag="jobs",
        description="The answers are those of submitJob. The path /jobs takes the same forms.",
        method="post",
        role=Role.SUBMIT,
        body=FORM,
        problems=(409, 507),
        queries=(WaitQuery,),
        response_headers={200: _SUBMISSION_HEADERS, 202: (*_SUBMISSION_HEADERS, "Retry-After")},
        request_headers=("Idempotency-Key", "Traceparent"),
    ),
    Operation(
        "/jobs",
        "List jobs, or get several jobs by their ids",
        {200: schemas.PageDocument},
        id="listJobs",
        tag="jobs",
        description="Newest first. With `id`, the response has these jobs, and other parameters"
        " than `wait` are not allowed; without it, `wait` is not allowed.",
        queries=(ListQuery, SetQuery),
        response_headers={200: ("Link", "Preference-Applied", "Retry-After")},
    ),
    Operation(
        "/jobs/cancel",
        "Cancel all jobs that match filters",
        {200: schemas.BulkDocument},
        id="cancelJobs",
        tag="jobs",
        description="One call changes up to 1,000 jobs. Repeat it with `next` as `cursor`.",
        method="post",
        role=Role.ADMIN,
        body=BulkBody,
    ),
    Operation(
        "/jobs/retry",
        "Retry all jobs that match filters",
        {200: schemas.BulkDocument},
        id="retryJobs",
        tag="jobs",
        description="One call changes up to 1,000 jobs. Repeat it with `next` as `cursor`.",
        method="post",
        role=Role.ADMIN,
        body=BulkBody,
    ),
)
_ANALYSIS = tuple(
    Operation(
        path,
        "Analyze the file that is the body",
        {
            200: ("text/plain", schemas.JobView),
            202: ("text/plain", schemas.JobView),
            424: "text/plain",
        },
        id=id_,
        tag="jobs",
        description="Submits a job of the type analyze, and waits. The response is a table in text"
        " or, with `Accept: application/json`, the job. For a job that did not succeed, the status"
        " of the text is 424.",
        method=method,
        role=Role.SUBMIT,
        body=FILE,
        problems=(409, 507),
        queries=(AnalysisQuery,),
        response_headers={
            200: _SUBMISSION_HEADERS,
            202: (*_SUBMISSION_HEADERS, "Retry-After"),
            424: _SUBMISSION_HEADERS,
        },
        request_headers=("Idempotency-Key", "Traceparent"),
    )
    for id_, method, path in (
        ("analyze", "post", "/analyze"),
        ("analyzeFile", "put", "/analyze"),
        ("analyzeNamedFile", "put", "/analyze/{name}"),
    )
)
_ONE_JOB = (
    Operation(
        "/jobs/{job_id}",
        "Get a job",
        {200: schemas.JobView},
        id="getJob",
        tag="jobs",
        description="With a wait, the response comes once the job is final. The status is 200 also"
        " if the job has failed.",
        queries=(WaitQuery, ViewQuery),
        response_headers={200: ("Preference-Applied", "Retry-After")},
    ),
    Operation(
        "/jobs/{job_id}",
        "Delete a final job",
        {204: None},
        id="deleteJob",
        tag="jobs",
        description="Its file is deleted, too, unless another job uses it.",
        method="delete",
        role=OWN_JOBS,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/cancel",
        "Cancel a job",
        {200: schemas.ChangedDocument, 202: schemas.ChangedDocument},
        id="cancelJob",
        tag="jobs",
        description="The status is 200 if the job's process has ended, and 202 if it may still be"
        " running after two seconds.",
        method="post",
        role=OWN_JOBS,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/retry",
        "Queue a failed or canceled job again",
        {202: schemas.ChangedDocument},
        id="retryJob",
        tag="jobs",
        description="The job keeps its id and its attempts, and may use all of its retries again.",
        method="post",
        role=OWN_JOBS,
        problems=(409,),
        response_headers={202: ("Location",)},
    ),
    Operation(
        "/jobs/{job_id}/explain",
        "Explain why a job is not running yet",
        {200: schemas.ExplainDocument},
        id="explainJob",
        tag="jobs",
        description="Gives the reasons, the place in the order of claims and an estimate.",
        response_headers={200: ("Retry-After",)},
    ),
    Operation(
        "/jobs/{job_id}/comparison",
        "Compare an analysis with an earlier one",
        {200: ComparisonDocument},
        id="compareJob",
        tag="jobs",
        description="Reports what is new, gone, more frequent or less frequent, with a test of"
        " significance. Both jobs must be of the type analyze, and have succeeded.",
        problems=(409,),
        queries=(ComparisonQuery,),
    ),
    Operation(
        "/jobs/{job_id}/report",
        "The result of an analysis as a page, or a table of it as CSV",
        {200: ("text/html", "text/csv")},
        id="getJobReport",
        tag="jobs",
        description="The page is one file without scripts, which works offline. With `format=csv`"
        " or `Accept: text/csv`, the response is the table that `table` names.",
        problems=(409,),
        queries=(ReportQuery,),
    ),
)
_EVENTS = (
    Operation(
        "/jobs/{job_id}/events",
        "Follow a job until it is final",
        {200: EVENT_STREAM, 204: None},
        id="followJob",
        tag="events",
        description="Server-sent events. The status is 204 if there are no more events.",
        queries=(JobEventsQuery,),
        events=(ChangeEvent, LogEvent, EndEvent),
    ),
    Operation(
        "/jobs/{job_id}/logs",
        "The output of an attempt",
        {200: ("text/plain", schemas.LogsDocument)},
        id="getJobLogs",
        tag="events",
        description="As text, or as JSON with `Accept: application/json`.",
        queries=(LogsQuery,),
    ),
    Operation(
        "/jobs/{job_id}/lines",
        "Lines of the file of a job",
        {200: (schemas.LinesDocument, "text/plain")},
        id="getJobLines",
        tag="jobs",
        description="Lines that meet all conditions, as pages of JSON or, with `Accept:"
        " text/plain`, all of them as text. A page ends after two seconds at the latest; follow"
        " `next`.",
        queries=(LinesQuery,),
        problems=(409, 410),
    ),
    Operation(
        "/events",
        "Follow all jobs",
        {200: EVENT_STREAM},
        id="followJobs",
        tag="events",
        description="Server-sent events. The stream has no end.",
        queries=(EventsQuery,),
        events=(ChangeEvent,),
    ),
)
_QUEUES = (
    Operation(
        "/queues",
        "All queues",
        {200: schemas.QueuesDocument},
        id="listQueues",
        tag="queues",
        description="Sorted by name.",
    ),
    Operation(
        "/queues/{name}",
        "A queue",
        {200: schemas.QueueDocument},
        id="getQueue",
        tag="queues",
        description="Its settings, and how many jobs it has.",
    ),
    Operation(
        "/queues/{name}",
        "Create a queue, or replace all its settings",
        {200: schemas.QueueDocument, 201: schemas.QueueDocument},
        id="putQueue",
        tag="queues",
        description="The status is 201 for a new queue. Fields that are not given get their"
        " defaults.",
        method="put",
        role=Role.ADMIN,
        body=QueueBody,
        problems=(409,),
        response_headers={201: ("Location",)},
    ),
    Operation(
        "/queues/{name}",
        "Change the given settings of a queue",
        {200: schemas.QueueDocument},
        id="changeQueue",
        tag="queues",
        description="Fields that are not given keep their values.",
        method="patch",
        role=Role.ADMIN,
        body=QueueChanges,
    ),
    Operation(
        "/queues/{name}",
        "Delete a queue without queued or running jobs",
        {204: None},
        id="deleteQueue",
        tag="queues",
        description="Final jobs keep the name of a deleted queue.",
        method="delete",
        role=Role.ADMIN,
        problems=(409,),
    ),
)
OPERATIONS = (*_JOB_LISTS, *_ANALYSIS, *_ONE_JOB, *_EVENTS, *_QUEUES, *_SERVICE, *_SESSION)
