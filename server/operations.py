"""Every call of the API: what it takes and what it answers, for /openapi.json."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from server.answers import (
    AcceptedDocument,
    BulkDocument,
    ChangedDocument,
    ExplainDocument,
    JobDocument,
    LogsDocument,
    PageDocument,
    SetDocument,
)
from server.filters import BulkBody, ListQuery, SetQuery, WaitQuery
from server.service_answers import (
    HealthDocument,
    HistoryDocument,
    IndexDocument,
    OverviewDocument,
    ReadyDocument,
)
from server.stream_query import EventsQuery, LogsQuery

NEW_JOB = "new job"
"""In place of a model: made from the job types."""


@dataclass(frozen=True)
class Operation:
    """One call. `answers` are documents by status: None for an answer without content, a text for
    a media type that is not JSON, several for one of these.

    A stream cannot be asked for again by its Etag.
    """

    method: str
    path: str
    summary: str
    answers: Mapping[int, Any]
    queries: tuple[type[BaseModel], ...] = ()
    body: Any = None
    problems: tuple[int, ...] = ()
    headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Headers of answers, beside those that all have."""
    takes: tuple[str, ...] = ()
    """Headers of requests."""

    @property
    def is_stream(self) -> bool:
        """Whether the answer goes on."""
        return EVENTS in self.answers.values()


EVENTS = "text/event-stream"
_RETRY = {200: ("Retry-After",)}

OPERATIONS = (
    Operation("get", "/", "What is here", {200: ("text/html", IndexDocument)}),
    Operation("get", "/healthz", "Whether listener and store answer", {200: HealthDocument}),
    Operation("get", "/readyz", "Whether new jobs can be taken", {200: ReadyDocument}),
    Operation("get", "/metrics", "Figures for Prometheus", {200: "text/plain"}),
    Operation("get", "/overview", "Figures for people", {200: OverviewDocument}),
    Operation("get", "/overview/history", "Figures of the last hour", {200: HistoryDocument}),
    Operation("get", "/openapi.json", "This document", {200: dict[str, Any]}),
    Operation(
        "post",
        "/jobs",
        "Submit a job",
        {202: AcceptedDocument},
        body=NEW_JOB,
        problems=(409, 415, 422, 507),
        headers={202: ("Location", "Idempotency-Replayed")},
        takes=("Idempotency-Key",),
    ),
    Operation(
        "get",
        "/jobs",
        "List jobs, or some by their ids",
        {200: (PageDocument, SetDocument)},
        queries=(ListQuery, SetQuery),
        problems=(422,),
        headers={200: ("Link", "Retry-After")},
        takes=("Prefer",),
    ),
    Operation(
        "post",
        "/jobs/cancel",
        "Cancel all jobs that filters choose",
        {200: BulkDocument},
        body=BulkBody,
        problems=(415, 422),
    ),
    Operation(
        "post",
        "/jobs/retry",
        "Retry all jobs that filters choose",
        {200: BulkDocument},
        body=BulkBody,
        problems=(415, 422),
    ),
    Operation(
        "get",
        "/jobs/{job_id}",
        "A job, as it is or once it is final",
        {200: JobDocument},
        queries=(WaitQuery,),
        takes=("Prefer",),
        problems=(404, 422),
        headers=_RETRY,
    ),
    Operation("delete", "/jobs/{job_id}", "Delete a final job", {204: None}, problems=(404, 409)),
    Operation(
        "post",
        "/jobs/{job_id}/cancel",
        "Cancel a job: 200 when its process is gone, 202 while that is not seen",
        {200: ChangedDocument, 202: ChangedDocument},
        problems=(404, 409),
    ),
    Operation(
        "post",
        "/jobs/{job_id}/retry",
        "Queue a job again that failed or was canceled",
        {202: ChangedDocument},
        problems=(404, 409),
        headers={202: ("Location",)},
    ),
    Operation(
        "get",
        "/jobs/{job_id}/events",
        "Follow a job to its end; 204 if nothing is left to be told",
        {200: EVENTS, 204: None},
        queries=(EventsQuery,),
        takes=("Last-Event-ID",),
        problems=(404, 422),
    ),
    Operation(
        "get",
        "/events",
        "Follow all jobs",
        {200: EVENTS},
        queries=(EventsQuery,),
        takes=("Last-Event-ID",),
        problems=(422,),
    ),
    Operation(
        "get",
        "/jobs/{job_id}/logs",
        "What an attempt has printed and logged",
        {200: ("text/plain", LogsDocument)},
        queries=(LogsQuery,),
        problems=(404, 422),
    ),
    Operation(
        "get",
        "/jobs/{job_id}/explain",
        "Why a job does not run yet",
        {200: ExplainDocument},
        problems=(404,),
        headers=_RETRY,
    ),
)
