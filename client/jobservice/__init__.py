"""Python client of Job Service: submits jobs, waits for them, and reads their results and output.

Importing it is cheap: each name below is imported when it is first used. It imports nothing of
the service itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobservice._async.client import AsyncClient as AsyncClient
    from jobservice._async.job import AsyncJob as AsyncJob
    from jobservice._sync.client import Client as Client
    from jobservice._sync.job import Job as Job
    from jobservice.documents import BulkChange as BulkChange
    from jobservice.documents import JobData as JobData
    from jobservice.documents import QueueData as QueueData
    from jobservice.errors import ApiError as ApiError
    from jobservice.errors import ConnectionFailed as ConnectionFailed
    from jobservice.errors import JobCanceled as JobCanceled
    from jobservice.errors import JobFailed as JobFailed
    from jobservice.errors import JobServiceError as JobServiceError
    from jobservice.errors import WaitTimeout as WaitTimeout
    from jobservice.event_stream import Event as Event
    from jobservice.executor import Executor as Executor

__version__ = "0.1.0"

_MODULES = {
    "AsyncClient": "_async.client",
    "AsyncJob": "_async.job",
    "Client": "_sync.client",
    "Job": "_sync.job",
    "BulkChange": "documents",
    "JobData": "documents",
    "QueueData": "documents",
    "ApiError": "errors",
    "ConnectionFailed": "errors",
    "JobCanceled": "errors",
    "JobFailed": "errors",
    "JobServiceError": "errors",
    "WaitTimeout": "errors",
    "Event": "event_stream",
    "Executor": "executor",
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
