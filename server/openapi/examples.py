"""Examples of the documents that are sent and received. Tests compare them with their types."""

import json
from collections.abc import Mapping

from server.auth.sessions import SignIn
from server.documents.filters import BulkBody
from server.documents.options.job_options import JobChanges
from server.documents.options.upload_reference import EXAMPLE_SHA256
from server.documents.pattern_sets import PatternSetBody
from server.documents.queues import QueueBody, QueueChanges
from server.documents.schedules import ScheduleBody, ScheduleChanges
from server.documents.schemas.audit import AuditDocument
from server.documents.schemas.comparison import ComparisonDocument
from server.documents.schemas.events import CallbackDocument, EventDocument, ResultDocument
from server.documents.schemas.explain import ExplainDocument
from server.documents.schemas.failures import FailureDocument, FailuresDocument
from server.documents.schemas.files import (
    FilesDocument,
    KnownFileDocument,
    LinesDocument,
    LogsDocument,
)
from server.documents.schemas.jobs import (
    AcceptedDocument,
    BulkDocument,
    ChangedDocument,
    JobDocument,
    JobView,
    PageDocument,
)
from server.documents.schemas.overview import FiguresDocument, HistoryDocument, OverviewDocument
from server.documents.schemas.pattern_sets import (
    PatternSetDocument,
    PatternSetHeadDocument,
    PatternSetsDocument,
)
from server.documents.schemas.queues import QueueDocument, QueuesDocument
from server.documents.schemas.scale import ScaleDocument
from server.documents.schemas.schedules import (
    ScheduleDocument,
    ScheduleHeadDocument,
    SchedulesDocument,
)
from server.documents.schemas.service import (
    HealthDocument,
    IndexDocument,
    ReadyDocument,
    SessionDocument,
    StreamTokenDocument,
)
from server.documents.schemas.types import JobTypeDocument, JobTypesDocument
from server.documents.schemas.uploads import UploadsDocument, UploadStateDocument
from server.documents.views import DEFAULT
from server.openapi.batch_examples import BATCH_EXAMPLES
from server.openapi.operations.operation import ANY_TYPE
from storage.records.job import Outcome
from storage.records.json_values import Json, JsonValue
from storage.records.release import RELEASE
from storage.records.schedule import FiringOutcome, Missed, Overlap
from storage.records.states import Status

_WARNING = '2026-11-25T13:12:01.250Z WARNING job: a row has no date {"row":17}\n'
_PRINTED = {
    "time": "2026-11-25T13:12:01.000Z",
    "stream": "stdout",
    "level": None,
    "logger": None,
    "message": "start",
    "fields": None,
    "traceback": None,
    "position": 0,
}
_LOGGED = {
    "time": "2026-11-25T13:12:01.250Z",
    "stream": "log",
    "level": "warning",
    "logger": "job",
    "message": "a row has no date",
    "fields": {"row": 17},
    "traceback": None,
    "position": 6,
}
_ID = "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"
_CREATED = "2026-11-25T02:15:54.400Z"
_STARTED = "2026-11-25T02:15:54.402Z"
_ENDED = "2026-11-25T02:15:59.414Z"
_RUNNER = "worker-1-4f2a"
_JOB: JobDocument = {
    "job_id": _ID,
    "type": "sleep",
    "status": Status.SUCCEEDED,
    "payload": {"seconds": 5},
    "result": {"slept": 5},
    "error": None,
    "progress": {"seconds_done": 4.003, "seconds_total": 5},
    "attempt": 1,
    "retry_count": 0,
    "max_retries": 1,
    "loss_count": 0,
    "max_losses": 10,
    "client_retries": 0,
    "priority": 0,
    "queue": "default",
    "tags": ["nightly", "customer:42"],
    "metadata": {"requested_by": "billing"},
    "after": [],
    "on_failure": None,
    "input": None,
    "expires_at": None,
    "finish_by": None,
    "missed_at": None,
    "backoff": None,
    "unique_key": "sync:customer:42",
    "unique": "running",
    "schedule": "nightly",
    "nominal_at": "2026-11-25T02:15:00.000Z",
    "concurrency_key": "customer:42",
    "max_per_key": 1,
    "memory_bytes": 1_073_741_824,
    "cpu_seconds": None,
    "max_output_bytes": None,
    "nice": None,
    "keep_for": None,
    "callback_url": None,
    "batch_id": None,
    "submitted_by": None,
    "canceled_by": None,
    "timeout": None,
    "created_at": _CREATED,
    "run_at": _CREATED,
    "started_at": _STARTED,
    "finished_at": _ENDED,
    "cancel_requested_at": None,
    "runner": None,
    "locked_by": None,
    "upload": None,
    "files": 0,
    "attempts": [
        {
            "attempt": 1,
            "runner": _RUNNER,
            "started_at": _STARTED,
            "finished_at": _ENDED,
            "seconds": 5.012,
            "outcome": Outcome.RETURNED,
            "error": None,
            "cpu_seconds": 0.004,
            "peak_memory_bytes": 31_457_280,
            "pid": 4711,
            "traceback": None,
            "last_lines": [],
        }
    ],
}
ACCEPTED: AcceptedDocument = {"job_id": _ID, "status": Status.QUEUED}
"""The response to a submission without a wait."""
_EVENT: EventDocument = {
    "job_id": _ID,
    "type": "sleep",
    "queue": "default",
    "tags": ["nightly", "customer:42"],
    "status": Status.SUCCEEDED,
    "attempt": 1,
    "runner": _RUNNER,
    "progress": None,
    "error": None,
    "created_at": _CREATED,
    "run_at": _CREATED,
    "started_at": _STARTED,
    "finished_at": _ENDED,
    "cancel_requested_at": None,
    "version": 23,
}
_LEFT: ResultDocument = {
    "metadata": {"requested_by": "billing"},
    "result": {"slept": 5},
    "result_left_out": False,
}
_QUEUE: QueueDocument = {
    "name": "gpu",
    "max_running": 2,
    "paused": False,
    "paused_at": None,
    "running": 2,
    "queued": 17,
    "queued_is_more": False,
    "oldest_due_seconds": 3.5,
}
_TYPE: JobTypeDocument = {
    "name": "resize",
    "summary": "Makes a picture smaller.",
    "version": "1.2",
    "origin": "folder",
    "file": "resize.py",
    "upload": "required",
    "payload_schema": {"type": "object", "properties": {"width": {"type": "integer"}}},
    "defaults": {"timeout": 60, "queue": "pictures"},
    "isolation": "caller",
    "network": True,
}
_FAILURE: FailureDocument = {
    "failure": "3f9a0c1d2b4e5f60",
    "type": "analyze",
    "error_type": "FileTooLarge",
    "message": "the file has # bytes, more than the limit of #",
    "latest_message": "the file has 2,147,483,648 bytes, more than the limit of 1,073,741,824",
    "count": 17,
    "first_at": _CREATED,
    "last_at": _ENDED,
    "job_ids": [_ID],
}
_PATTERN_SET_HEAD: PatternSetHeadDocument = {
    "name": "shop",
    "built_in": False,
    "description": "What the shop writes when orders fail",
    "pattern_count": 2,
    "created_by": "ci",
    "changed_by": "ci",
    "created_at": _CREATED,
    "changed_at": _ENDED,
    "version": 2,
}
_PATTERNS: list[JsonValue] = [
    "order rejected",
    {"name": "slow orders", "pattern": "order took [0-9]{5,} ms", "regex": True},
]
_NOMINAL = "2026-11-25T02:15:00.000Z"
_SCHEDULE_HEAD: ScheduleHeadDocument = {
    "name": "nightly",
    "type": "sleep",
    "cron": "15 3 * * *",
    "every": None,
    "timezone": "Europe/Berlin",
    "missed": Missed.ONCE,
    "overlap": Overlap.SKIP,
    "paused": False,
    "until": None,
    "next": ["2026-11-26T02:15:00.000Z"],
    "last_job_id": _ID,
    "created_by": "ci",
    "changed_by": "ci",
    "created_at": _NOMINAL,
    "updated_at": _NOMINAL,
    "version": 1,
}
_FIGURES: FiguresDocument = {
    "queued": 17,
    "running": 2,
    "oldest_due_seconds": 3.5,
    "submitted": 1042,
    "finished": {"canceled": 1, "failed": 2, "succeeded": 1020},
    "wait": {"count": 1025, "seconds": 12.5},
    "run": {"count": 1023, "seconds": 5115.0},
}
_COMPARISON: ComparisonDocument = {
    "before": {
        "job_id": "01a20b57-7c1e-7a52-8d0c-5d3b6f0a9e11",
        "name": "monday.log",
        "lines": 100_000,
        "bytes": 13_500_000,
        "hours": 24.0,
    },
    "after": {
        "job_id": _ID,
        "name": "tuesday.log",
        "lines": 90_000,
        "bytes": 12_100_000,
        "hours": 24.0,
    },
    "significance": {
        "test": "conditional_poisson",
        "per": "line",
        "correction": "holm",
        "comparisons": 1,
        "alpha": 0.05,
        "min_ratio": 1.5,
    },
    "changes": {"new": 0, "gone": 0, "more": 1, "less": 0},
    "counts": [
        {
            "kind": "pattern",
            "field": None,
            "name": "ERROR",
            "before": 12,
            "after": 250,
            "before_is_bound": False,
            "after_is_bound": False,
            "ratio": 23.15,
            "ratio_per_hour": 20.83,
            "p": 3.1e-65,
            "change": "more",
            "significant": True,
        }
    ],
    "not_compared": [],
}
_AUDIT_ENTRY = {
    "id": "01a1b87f-1316-7093-9c5e-b1d97d1c0c65",
    "at": "2026-11-25T02:16:09.814Z",
    "caller": "ops",
    "address": "10.0.0.7",
    "action": "cancel",
    "kind": "job",
    "subject": _ID,
    "detail": {},
}
_REST: dict[object, JsonValue] = {
    ComparisonDocument: _COMPARISON,
    ChangedDocument: {
        "job_id": _ID,
        "status": "canceled",
        "message": "job canceled successfully",
    },
    BulkDocument: {"matched": 12, "changed": 12, "dry_run": False, "next": None},
    FailuresDocument: {
        "items": [_FAILURE],
        "group_count": 1,
        "failed": 17,
        "looked_back_to": None,
        "next": None,
    },
    AuditDocument: {"items": [_AUDIT_ENTRY], "next": None},
    ScaleDocument: {
        "slots_wanted": 5,
        "slots": 3,
        "busy": 3,
        "parts": 0,
        "schedules": 0,
        "queues": [
            {"name": "default", "slots_wanted": 5, "running": 3, "due": 2, "not_startable": 0},
        ],
    },
    ExplainDocument: {
        "job_id": _ID,
        "status": "queued",
        "reasons": [{"code": "jobs_ahead", "detail": "17 due jobs go first"}],
        "position": 18,
        "ahead": 17,
        "ahead_is_more": False,
        "run_at": _CREATED,
        "expires_at": None,
        "finish_by": None,
        "runners": 1,
        "slots": 3,
        "busy": 3,
        "estimated_start_at": "2026-11-25T02:16:12.902Z",
        "estimated_seconds": 13.5,
        "estimated_duration": 5.003,
        "estimated_end_at": "2026-11-25T02:16:17.905Z",
    },
    LogsDocument: {
        "job_id": _ID,
        "attempt": 1,
        "bytes": 73,
        "pieces": [
            {"position": 0, "text": f"start\n{_WARNING}"},
        ],
        "entries": [_PRINTED, _LOGGED],
        "version": 23,
    },
    FilesDocument: {
        "files": [
            {
                "name": "report/totals.csv",
                "size": 25,
                "media_type": "text/csv",
                "sha256": EXAMPLE_SHA256,
                "url": f"/jobs/{_ID}/files/report/totals.csv",
            }
        ],
    },
    KnownFileDocument: {"sha256": EXAMPLE_SHA256, "size": 10737418240, "job_id": _ID},
    LinesDocument: {
        "lines": [
            {
                "line": 4711,
                "time": "2026-11-25T13:12:01.000Z",
                "text": "2026-11-25T13:12:01Z ERROR no connection to db-2",
                "matches": [[21, 26]],
                "member": "var/log/db.log",
                "member_line": 711,
            }
        ],
        "next": "WzQ2Mjg4LCA0NzEyLCBudWxsLCBmYWxzZSwgMF0",
        "total_lines": 60000,
        "problem": None,
        "failed_members": [{"name": "core.17", "code": "not_text", "message": "it is an ELF file"}],
    },
    HealthDocument: {"status": "ok", "version": RELEASE},
    ReadyDocument: {"status": "ready", "runners": 1, "stale_runners": []},
    SessionDocument: {
        "tokens": True,
        "name": "ci",
        "role": "submit",
        "queues": None,
        "method": "token",
        "expires_at": None,
        "quotas": {
            "queued": {"limit": 1000, "used": 12},
            "bytes": {"limit": 10_737_418_240, "used": 1_048_576},
            "requests": {"limit": 50, "burst": 100, "used": 1},
        },
    },
    IndexDocument: {
        "service": "job-service",
        "jobs": "/jobs",
        "openapi": "/openapi.json",
        "job_types": {"sleep": {"upload": "none", "payload": {"type": "object"}}},
    },
    QueuesDocument: {"items": [_QUEUE]},
    JobTypeDocument: _TYPE,
    JobTypesDocument: {
        "types": [_TYPE],
        "broken": [
            {
                "origin": "folder",
                "file": "crop.py",
                "line": 3,
                "reason": "ModuleNotFoundError: No module named 'PIL'",
                "remedy": "install the package that has PIL, as"
                " docs/job-types.md#packages-that-job-types-need describes, or correct the name",
            }
        ],
    },
    PatternSetsDocument: {"items": [_PATTERN_SET_HEAD]},
    PatternSetDocument: {**_PATTERN_SET_HEAD, "patterns": _PATTERNS},
    PatternSetBody: {
        "patterns": _PATTERNS,
        "description": "What the shop writes when orders fail",
    },
    SchedulesDocument: {"schedules": [_SCHEDULE_HEAD], "next": None},
    ScheduleDocument: {
        **_SCHEDULE_HEAD,
        "next": ["2026-11-26T02:15:00.000Z", "2026-11-27T02:15:00.000Z"],
        "payload": {"seconds": 5},
        "options": {"tags": ["nightly"]},
        "recent": [
            {
                "nominal_at": _NOMINAL,
                "fired_at": "2026-11-25T02:15:00.012Z",
                "job_id": _ID,
                "outcome": FiringOutcome.SUBMITTED,
                "reason": None,
                "status": Status.SUCCEEDED,
            }
        ],
    },
    ScheduleBody: {
        "type": "sleep",
        "payload": {"seconds": 5},
        "cron": "15 3 * * *",
        "timezone": "Europe/Berlin",
        "options": {"tags": ["nightly"]},
    },
    ScheduleChanges: {"paused": True},
    OverviewDocument: {
        "types": {"sleep": _FIGURES},
        "queues": [_QUEUE],
        "runners": [
            {
                "name": _RUNNER,
                "slots": 3,
                "busy": 2,
                "queues": None,
                "started_at": "2026-11-25T02:00:00.000Z",
                "cgroups": False,
                "limits": {
                    "memory_bytes": 2_147_483_648,
                    "cpu_seconds": None,
                    "max_output_bytes": 65_536,
                    "nice": 5,
                },
                "heartbeat_age": 0.4,
                "stale": False,
            }
        ],
        "slots": 3,
        "busy": 2,
    },
    HistoryDocument: {
        "moments": [
            {
                "at": "2026-11-25T02:15:00.000Z",
                "submitted": 1042,
                "finished": 1023,
                "wait": {"count": 1025, "seconds": 12.5},
            }
        ]
    },
}
_UPLOAD: UploadStateDocument = {
    "upload_id": "6f1f3a54-9f0e-4a53-8a25-3d2f6e0b8c11",
    "name": "app.log",
    "size": 10737418240,
    "offset": 1048576,
    "sha256": None,
    "created_by": "ci",
    "created_at": _CREATED,
    "expires_at": "2026-11-26T02:15:54.400Z",
}
EXAMPLES: Mapping[object, JsonValue] = {
    JobView: DEFAULT.of(_JOB),
    PageDocument: {"items": [DEFAULT.of(_JOB)], "limit": 50, "next": None},
    QueueDocument: _QUEUE,
    CallbackDocument: {"type": "job.succeeded", "timestamp": _ENDED, "data": {**_EVENT, **_LEFT}},
    **_REST,
    UploadStateDocument: _UPLOAD,
    UploadsDocument: {"items": [_UPLOAD]},
    **BATCH_EXAMPLES,
    StreamTokenDocument: {"stream_token": "Y2k6Mnwx…", "expires_at": _ENDED},
    Json: {"openapi": "3.1.0"},
    BulkBody: {"status": ["failed"], "type": "analyze", "dry_run": True},
    JobChanges: {"priority": 5, "tags": ["urgent"]},
    QueueBody: {"max_running": 2, "paused": False},
    QueueChanges: {"paused": True},
    SignIn: {"token": "the-token-of-the-caller"},
}
"""By type of a document."""
_TABLE = f"""pattern  count  lines  first  last
ERROR        1      1      1     1  ████████████████████

1 lines, 38 bytes, 0.001 seconds

http://localhost:5000/jobs/{_ID}
"""
TEXTS: Mapping[tuple[str, str], str] = {
    ("/", "text/html"): "<!doctype html>\n<title>Job Service</title>\n",
    ("/metrics", "text/plain"): 'jobs_queued{type="sleep"} 17.0\n',
    ("/jobs/{job_id}/logs", "text/plain"): "start\n",
    (
        "/jobs/{job_id}/logs",
        "application/jsonl",
    ): json.dumps(_LOGGED) + "\n",
    ("/audit", "application/jsonl"): json.dumps(_AUDIT_ENTRY) + "\n",
    ("/jobs/{job_id}/lines", "text/plain"): "2026-11-25T13:12:01Z ERROR no connection to db-2\n",
    **{
        (path, kind): "2026-11-25T13:12:01Z ERROR no connection to db-2\n"
        for path in ("/jobs/{job_id}/upload", "/jobs/{job_id}/files/{name}")
        for kind in ANY_TYPE
    },
    ("/jobs/{job_id}/files.zip", "application/zip"): "PK\x03\x04",
    ("/jobs/{job_id}/bundle", "application/zip"): "PK\x03\x04",
    ("/jobs/{job_id}/events", "text/event-stream"): (
        "event: end\ndata: " + json.dumps({"job_id": _ID, "status": "succeeded", **_LEFT}) + "\n\n"
    ),
    **{(path, "text/plain"): _TABLE for path in ("/analyze", "/analyze/{name}")},
    ("/jobs/{job_id}/report", "text/html"): "<!doctype html>\n<title>Analysis of app.log</title>\n",
    ("/jobs/{job_id}/report", "text/csv"): (
        "pattern,count,matching_lines,first_line,last_line\r\nERROR,3,2,1,3\r\n"
    ),
    ("/events", "text/event-stream"): "retry: 1000\nid: 23\n\n",
}
"""By path and media type."""
