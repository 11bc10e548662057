"""Python client of Job Service: submits jobs, waits for them, and reads their results and output.

Importing it is cheap: each name below is imported when it is first used. It imports nothing of
the service itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobservice.version import VERSION as __version__

__all__ = [
    "CONTEXT",
    "ApiError",
    "AsyncClient",
    "AsyncJob",
    "AttemptData",
    "AuditEntry",
    "BadBundle",
    "BatchData",
    "BrokenTypeData",
    "BulkChange",
    "Changes",
    "Client",
    "ConnectionFailed",
    "DryRun",
    "ErrorData",
    "Event",
    "Executor",
    "FailureData",
    "Failures",
    "FileChanged",
    "FileDamaged",
    "FileData",
    "Filters",
    "FiringData",
    "Job",
    "JobCanceled",
    "JobData",
    "JobFailed",
    "JobFuture",
    "JobServiceError",
    "KnownFile",
    "LineData",
    "LogEntry",
    "NewBatch",
    "NewJob",
    "Options",
    "PatternSetData",
    "QueueChanges",
    "QueueData",
    "Refusal",
    "Scale",
    "ScheduleData",
    "Status",
    "TypeData",
    "Types",
    "UploadData",
    "UploadState",
    "WaitTimeout",
    "__version__",
]

if TYPE_CHECKING:
    from jobservice._async.client import AsyncClient
    from jobservice._async.job import AsyncJob
    from jobservice._sync.client import Client
    from jobservice._sync.job import Job
    from jobservice.audit import AuditEntry
    from jobservice.batch_documents import BatchData, NewBatch, Refusal
    from jobservice.bundles import BadBundle
    from jobservice.calls import CONTEXT
    from jobservice.documents import (
        AttemptData,
        BulkChange,
        DryRun,
        ErrorData,
        JobData,
        LineData,
        PatternSetData,
        QueueData,
        Status,
        UploadData,
    )
    from jobservice.errors import (
        ApiError,
        ConnectionFailed,
        FileChanged,
        FileDamaged,
        JobCanceled,
        JobFailed,
        JobServiceError,
        WaitTimeout,
    )
    from jobservice.event_stream import Event
    from jobservice.executor import Executor, JobFuture
    from jobservice.failures import FailureData, Failures
    from jobservice.file_data import FileData, KnownFile
    from jobservice.log_entries import LogEntry
    from jobservice.options import Changes, Filters, NewJob, Options, QueueChanges
    from jobservice.pieces import UploadState
    from jobservice.scale import Scale
    from jobservice.schedule_documents import FiringData, ScheduleData
    from jobservice.type_documents import BrokenTypeData, TypeData, Types

_MODULES = {
    "AsyncClient": "_async.client",
    "AsyncJob": "_async.job",
    "Client": "_sync.client",
    "Job": "_sync.job",
    "AuditEntry": "audit",
    "BadBundle": "bundles",
    "BatchData": "batch_documents",
    "NewBatch": "batch_documents",
    "Refusal": "batch_documents",
    "CONTEXT": "calls",
    "AttemptData": "documents",
    "BulkChange": "documents",
    "DryRun": "documents",
    "ErrorData": "documents",
    "JobData": "documents",
    "LineData": "documents",
    "LogEntry": "log_entries",
    "PatternSetData": "documents",
    "QueueData": "documents",
    "Status": "documents",
    "UploadData": "documents",
    "ApiError": "errors",
    "ConnectionFailed": "errors",
    "FileChanged": "errors",
    "FileDamaged": "errors",
    "JobCanceled": "errors",
    "JobFailed": "errors",
    "JobServiceError": "errors",
    "WaitTimeout": "errors",
    "Event": "event_stream",
    "Executor": "executor",
    "JobFuture": "executor",
    "FailureData": "failures",
    "Failures": "failures",
    "FileData": "file_data",
    "KnownFile": "file_data",
    "UploadState": "pieces",
    "Changes": "options",
    "Filters": "options",
    "NewJob": "options",
    "Options": "options",
    "QueueChanges": "options",
    "Scale": "scale",
    "FiringData": "schedule_documents",
    "ScheduleData": "schedule_documents",
    "BrokenTypeData": "type_documents",
    "TypeData": "type_documents",
    "Types": "type_documents",
}
"""The module that defines each name of this package."""


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
