"""The operations about the service itself, and about the caller."""

from typing import Any

from server.auth.sessions import SignIn
from server.documents.scale import ScaleQuery
from server.documents.schemas.overview import HistoryDocument, OverviewDocument
from server.documents.schemas.scale import ScaleDocument
from server.documents.schemas.service import (
    HealthDocument,
    IndexDocument,
    ReadyDocument,
    SessionDocument,
)
from server.openapi.operations.operation import Operation

SERVICE = (
    Operation(
        "/",
        "Overview of this API",
        {200: (IndexDocument, "text/html")},
        id="getIndex",
        tag="service",
        description="Lists the job types with the JSON Schema of their payloads. Browsers get the"
        " web front end.",
    ),
    Operation(
        "/healthz",
        "Check that the listener and its store respond",
        {200: HealthDocument},
        id="checkHealth",
        tag="service",
        description="For liveness probes. The status is 503 if the store does not respond.",
        role=None,
    ),
    Operation(
        "/readyz",
        "Check that new jobs can be accepted",
        {200: ReadyDocument},
        id="checkReadiness",
        tag="service",
        description="For load balancers. The status is 503 if new jobs would be refused.",
    ),
    Operation(
        "/metrics",
        "Metrics for Prometheus",
        {200: "text/plain"},
        id="getMetrics",
        of_all=True,
        tag="service",
        description="Statistics of all jobs, and of this listener.",
    ),
    Operation(
        "/scale",
        "How many slots could be used now",
        {200: ScaleDocument},
        id="getScale",
        of_all=True,
        tag="service",
        description="For autoscaling: `slots_wanted` counts running jobs, and due jobs that may"
        " start. Jobs of paused queues, above the limits of queues and of concurrency keys do not"
        " count. Divide it by the slots of a worker.",
        queries=(ScaleQuery,),
    ),
    Operation(
        "/overview",
        "Figures about all jobs as JSON",
        {200: OverviewDocument},
        id="getOverview",
        of_all=True,
        tag="service",
        description="A summary of the metrics: by job type, by queue, and of all living runners.",
    ),
    Operation(
        "/overview/history",
        "Figures of the last hour",
        {200: HistoryDocument},
        id="getHistory",
        of_all=True,
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

SESSION = (
    Operation(
        "/session",
        "The caller's name, role and quotas",
        {200: SessionDocument},
        id="getSession",
        tag="session",
        description="Tells a program which token it uses, what it may do, and how much of its"
        " quotas it has used.",
    ),
    Operation(
        "/session",
        "Sign in from a page of this service",
        {200: SessionDocument},
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
