"""Every call of the API: what it takes and what it answers, for /openapi.json."""

from typing import Any

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
from server.callers import Role
from server.filters import BulkBody, ListQuery, SetQuery, WaitQuery
from server.operation import EVENTS, NEW_JOB, OWN, Operation
from server.service_answers import (
    HealthDocument,
    HistoryDocument,
    IndexDocument,
    OverviewDocument,
    ReadyDocument,
    SessionDocument,
)
from server.sessions import SignIn
from server.stream_query import EventsQuery, LogsQuery

_RETRY = {200: ("Retry-After",)}

OPERATIONS = (
    Operation("get", "/", "What is here", {200: ("text/html", IndexDocument)}),
    Operation(
        "get", "/healthz", "Whether listener and store answer", {200: HealthDocument}, role=None
    ),
    Operation("get", "/readyz", "Whether new jobs can be taken", {200: ReadyDocument}),
    Operation("get", "/metrics", "Figures for Prometheus", {200: "text/plain"}),
    Operation("get", "/overview", "Figures for people", {200: OverviewDocument}),
    Operation("get", "/overview/history", "Figures of the last hour", {200: HistoryDocument}),
    Operation("get", "/openapi.json", "This document", {200: dict[str, Any]}),
    Operation("get", "/session", "Who asks, and what that caller may do", {200: SessionDocument}),
    Operation(
        "post",
        "/session",
        "Sign in, from a page of this service: the answer sets a cookie",
        {200: SessionDocument},
        role=None,
        body=SignIn,
        problems=(401, 409, 415, 422),
        headers={200: ("Set-Cookie",)},
    ),
    Operation(
        "delete",
        "/session",
        "Sign out, from a page of this service",
        {204: None},
        role=None,
        headers={204: ("Set-Cookie",)},
    ),
    Operation(
        "post",
        "/jobs",
        "Submit a job",
        {202: AcceptedDocument},
        role=Role.SUBMIT,
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
        role=Role.ADMIN,
        body=BulkBody,
        problems=(415, 422),
    ),
    Operation(
        "post",
        "/jobs/retry",
        "Retry all jobs that filters choose",
        {200: BulkDocument},
        role=Role.ADMIN,
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
    Operation(
        "delete",
        "/jobs/{job_id}",
        "Delete a final job",
        {204: None},
        role=OWN,
        problems=(404, 409),
    ),
    Operation(
        "post",
        "/jobs/{job_id}/cancel",
        "Cancel a job: 200 when its process is gone, 202 while that is not seen",
        {200: ChangedDocument, 202: ChangedDocument},
        role=OWN,
        problems=(404, 409),
    ),
    Operation(
        "post",
        "/jobs/{job_id}/retry",
        "Queue a job again that failed or was canceled",
        {202: ChangedDocument},
        role=OWN,
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
