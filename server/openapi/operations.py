"""The table of all operations of the API, from which /openapi.json is generated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from server.auth.callers import Role
from server.auth.sessions import SignIn
from server.checking.analysis_query import AnalysisQuery
from server.documents import schemas
from server.documents.filters import BulkBody, ListQuery, SetQuery, ViewQuery, WaitQuery
from server.documents.queues import QueueBody, QueueChanges
from server.events.documents import EventsQuery, JobEventsQuery, LogsQuery

NEW_JOB = "new job"
"""Stands for the models of new jobs, which are generated from the job types."""
FILE = "file"
"""Stands for a body that is a file as a whole."""
EVENT_STREAM = "text/event-stream"
OWN_JOBS = "submit for jobs that the caller has submitted, admin for others"
"""In place of a role."""


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    path: str
    summary: str
    responses: Mapping[int, Any]
    """By status: the type of the document, a media type if it is not JSON, a tuple of alternatives,
    or None for a response without content."""
    method: str = "get"
    role: Role | str | None = Role.READ
    """The role that the caller needs; None if no token is needed. The handlers enforce it."""
    queries: tuple[type[BaseModel], ...] = ()
    body: Any = None
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


OPERATIONS = (
    Operation("/", "Overview of this API", {200: ("text/html", schemas.IndexDocument)}),
    Operation(
        "/healthz",
        "Check that the listener and its store respond",
        {200: schemas.HealthDocument},
        role=None,
    ),
    Operation("/readyz", "Check that new jobs can be accepted", {200: schemas.ReadyDocument}),
    Operation("/metrics", "Metrics for Prometheus", {200: "text/plain"}),
    Operation("/overview", "Figures about all jobs as JSON", {200: schemas.OverviewDocument}),
    Operation("/overview/history", "Figures of the last hour", {200: schemas.HistoryDocument}),
    Operation("/openapi.json", "This document", {200: dict[str, Any]}),
    Operation("/session", "The caller's name and role", {200: schemas.SessionDocument}),
    Operation(
        "/session",
        "Sign in from a page of this service; the response sets a cookie",
        {200: schemas.SessionDocument},
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
        method="delete",
        role=None,
        response_headers={204: ("Set-Cookie",)},
    ),
    Operation(
        "/jobs",
        "Submit a job; the status is 200 if it became final during the wait",
        {200: schemas.JobDocument, 202: (schemas.AcceptedDocument, schemas.JobDocument)},
        method="post",
        role=Role.SUBMIT,
        body=NEW_JOB,
        problems=(409, 507),
        queries=(WaitQuery,),
        response_headers={
            200: ("Location", "Idempotency-Replayed", "Preference-Applied"),
            202: ("Location", "Idempotency-Replayed", "Preference-Applied", "Retry-After"),
        },
        request_headers=("Idempotency-Key", "Traceparent"),
    ),
    Operation(
        "/jobs",
        "List jobs, or get several jobs by their ids",
        {200: (schemas.PageDocument, schemas.SetDocument)},
        queries=(ListQuery, SetQuery),
        response_headers={200: ("Link", "Preference-Applied", "Retry-After")},
    ),
    *(
        Operation(
            path,
            "Analyze the file in the body; in text, a job that did not succeed is 424",
            {
                200: ("text/plain", schemas.JobDocument),
                202: ("text/plain", schemas.AcceptedDocument, schemas.JobDocument),
                424: "text/plain",
            },
            method=method,
            role=Role.SUBMIT,
            body=FILE,
            problems=(409, 507),
            queries=(AnalysisQuery,),
            response_headers={
                200: ("Location", "Idempotency-Replayed", "Preference-Applied"),
                202: ("Location", "Idempotency-Replayed", "Preference-Applied", "Retry-After"),
                424: ("Location", "Idempotency-Replayed", "Preference-Applied"),
            },
            request_headers=("Idempotency-Key", "Traceparent"),
        )
        for method, path in (("post", "/analyze"), ("put", "/analyze"), ("put", "/analyze/{name}"))
    ),
    Operation(
        "/jobs/cancel",
        "Cancel all jobs that match filters",
        {200: schemas.BulkDocument},
        method="post",
        role=Role.ADMIN,
        body=BulkBody,
    ),
    Operation(
        "/jobs/retry",
        "Retry all jobs that match filters",
        {200: schemas.BulkDocument},
        method="post",
        role=Role.ADMIN,
        body=BulkBody,
    ),
    Operation(
        "/jobs/{job_id}",
        "Get a job, immediately or once it is final",
        {200: schemas.JobView},
        queries=(WaitQuery, ViewQuery),
        response_headers={200: ("Preference-Applied", "Retry-After")},
    ),
    Operation(
        "/jobs/{job_id}",
        "Delete a final job",
        {204: None},
        method="delete",
        role=OWN_JOBS,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/cancel",
        "Cancel a job: 200 if its process has ended, 202 if it may still be running",
        {200: schemas.ChangedDocument, 202: schemas.ChangedDocument},
        method="post",
        role=OWN_JOBS,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/retry",
        "Queue a failed or canceled job again",
        {202: schemas.ChangedDocument},
        method="post",
        role=OWN_JOBS,
        problems=(409,),
        response_headers={202: ("Location",)},
    ),
    Operation(
        "/jobs/{job_id}/events",
        "Follow a job until it is final; 204 if there are no more events",
        {200: EVENT_STREAM, 204: None},
        queries=(JobEventsQuery,),
    ),
    Operation(
        "/events",
        "Follow all jobs",
        {200: EVENT_STREAM},
        queries=(EventsQuery,),
    ),
    Operation("/queues", "All queues", {200: schemas.QueuesDocument}),
    Operation("/queues/{name}", "A queue", {200: schemas.QueueDocument}),
    Operation(
        "/queues/{name}",
        "Create a queue (201), or replace all its settings (200)",
        {200: schemas.QueueDocument, 201: schemas.QueueDocument},
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
        method="patch",
        role=Role.ADMIN,
        body=QueueChanges,
    ),
    Operation(
        "/queues/{name}",
        "Delete a queue without queued or running jobs",
        {204: None},
        method="delete",
        role=Role.ADMIN,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/logs",
        "The output of an attempt",
        {200: ("text/plain", schemas.LogsDocument)},
        queries=(LogsQuery,),
    ),
    Operation(
        "/jobs/{job_id}/explain",
        "Explain why a job is not running yet",
        {200: schemas.ExplainDocument},
        response_headers={200: ("Retry-After",)},
    ),
)
