"""The table of all operations of the API, and what /openapi.json says about them."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from runner.job_types.base import AnyJobType
from server.api.audit import AuditHandler
from server.api.batches import BatchCancelHandler, BatchesHandler, BatchHandler, NewBatchHandler
from server.api.failures import FailuresHandler
from server.api.health import HealthHandler, MetricsHandler, OpenApiHandler, ReadyHandler
from server.api.overview import HistoryHandler, OverviewHandler
from server.api.pattern_sets import PatternSetHandler, PatternSetsHandler
from server.api.queues import QueueHandler, QueuesHandler
from server.api.scale import ScaleHandler
from server.api.schedules import ScheduleHandler, ScheduleRunHandler, SchedulesHandler
from server.api.session import SessionHandler, StreamTokensHandler
from server.api.types import TypeHandler, TypesHandler
from server.api.uploads import OneUploadHandler, UploadsHandler
from server.handlers.base import Handler
from server.handlers.files.bundle import BundleHandler
from server.handlers.files.files import FileHandler, FilesArchiveHandler, FilesHandler
from server.handlers.files.known_file import KnownFileHandler
from server.handlers.files.upload import UploadedFileHandler
from server.handlers.jobs.analyses import ComparisonHandler, ReportHandler
from server.handlers.jobs.analyze import AnalysisHandler, NamedAnalysisHandler
from server.handlers.jobs.bulk import BulkCancelHandler, BulkRetryHandler
from server.handlers.jobs.events import EventsHandler, JobEventsHandler
from server.handlers.jobs.explain import ExplainHandler
from server.handlers.jobs.job import CancelHandler, JobHandler, OutputHandler, RetryHandler
from server.handlers.jobs.jobs import JobsHandler
from server.handlers.jobs.lines import LinesHandler
from server.handlers.jobs.upload import UploadHandler
from server.handlers.pages import IndexHandler
from server.openapi.document import describe
from storage.records.json_values import Json

HANDLERS: tuple[type[Handler], ...] = (
    JobsHandler,
    UploadHandler,
    BulkCancelHandler,
    BulkRetryHandler,
    NewBatchHandler,
    BatchesHandler,
    BatchHandler,
    BatchCancelHandler,
    AnalysisHandler,
    NamedAnalysisHandler,
    JobHandler,
    CancelHandler,
    RetryHandler,
    ExplainHandler,
    ComparisonHandler,
    ReportHandler,
    LinesHandler,
    FilesHandler,
    FileHandler,
    FilesArchiveHandler,
    BundleHandler,
    UploadedFileHandler,
    KnownFileHandler,
    FailuresHandler,
    UploadsHandler,
    OneUploadHandler,
    StreamTokensHandler,
    JobEventsHandler,
    OutputHandler,
    EventsHandler,
    SchedulesHandler,
    ScheduleHandler,
    ScheduleRunHandler,
    QueuesHandler,
    QueueHandler,
    PatternSetsHandler,
    PatternSetHandler,
    TypesHandler,
    TypeHandler,
    AuditHandler,
    IndexHandler,
    HealthHandler,
    ReadyHandler,
    MetricsHandler,
    ScaleHandler,
    OverviewHandler,
    HistoryHandler,
    OpenApiHandler,
    SessionHandler,
)
"""All handlers of the API, in the order of their paths in /openapi.json."""
OPERATIONS = tuple(each for handler in HANDLERS for each in handler.OPERATIONS.values())


def openapi_document(job_types: Mapping[str, AnyJobType]) -> Json:
    """Build the description of the API for these job types."""
    return describe(job_types, OPERATIONS, examples())


@cache
def examples() -> Json:
    """Return the examples: of JSON by the name of its type, of texts by path and media type."""
    files = sorted(Path(__file__).with_name("examples").glob("*.json"))
    return {name: each for file in files for name, each in json.loads(file.read_text()).items()}
