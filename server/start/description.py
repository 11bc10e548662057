"""The table of all operations of the API, and what /openapi.json says about them."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from runner.job_types.base import AnyJobType
from server.api.analyses.analyses import ComparisonHandler, ReportHandler
from server.api.analyses.analyze import AnalysisHandler, NamedAnalysisHandler
from server.api.analyses.lines import LinesHandler
from server.api.analyses.range import RangeHandler
from server.api.audit import AuditHandler
from server.api.batches import (
    BatchCancelHandler,
    BatchesHandler,
    BatchHandler,
    NewBatchHandler,
    PipelineHandler,
)
from server.api.failures import FailuresHandler
from server.api.files.bundle import BundleHandler
from server.api.files.job_files import FileHandler, FilesArchiveHandler, FilesHandler
from server.api.files.known_file import KnownFileHandler
from server.api.files.upload import UploadedFileHandler
from server.api.jobs.bulk import BulkCancelHandler, BulkRetryHandler
from server.api.jobs.events import EventsHandler, JobEventsHandler
from server.api.jobs.explain import ExplainHandler
from server.api.jobs.job import CancelHandler, JobHandler, OutputHandler, RetryHandler
from server.api.jobs.jobs import JobsHandler
from server.api.jobs.upload import UploadHandler
from server.api.monitoring.health import HealthHandler, MetricsHandler, OpenApiHandler, ReadyHandler
from server.api.monitoring.overview import HistoryHandler, OverviewHandler
from server.api.monitoring.scale import ScaleHandler
from server.api.openapi.document import describe
from server.api.pattern_sets.pattern_sets import PatternSetHandler, PatternSetsHandler
from server.api.queues import QueueHandler, QueuesHandler
from server.api.schedules import ScheduleHandler, ScheduleRunHandler, SchedulesHandler
from server.api.session.session import SessionHandler, StreamTokensHandler
from server.api.types import TypeHandler, TypesHandler
from server.api.uploads.uploads import OneUploadHandler, UploadsHandler
from server.handlers.base import Handler
from server.handlers.pages import IndexHandler
from storage.records.json_values import Json

HANDLERS: tuple[type[Handler], ...] = (
    JobsHandler,
    UploadHandler,
    BulkCancelHandler,
    BulkRetryHandler,
    NewBatchHandler,
    BatchesHandler,
    BatchHandler,
    PipelineHandler,
    BatchCancelHandler,
    AnalysisHandler,
    NamedAnalysisHandler,
    JobHandler,
    CancelHandler,
    RetryHandler,
    ExplainHandler,
    ComparisonHandler,
    ReportHandler,
    RangeHandler,
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
ROLES = {(each.method.upper(), each.path): each.role for each in OPERATIONS if each.role}
"""The role that an operation needs, by method and path."""


def openapi_document(job_types: Mapping[str, AnyJobType]) -> Json:
    """Build the description of the API for these job types."""
    return describe(job_types, OPERATIONS, examples())


@cache
def examples() -> Json:
    """Return the examples: of JSON by the name of its type, of texts by path and media type."""
    files = sorted(Path(__file__).parents[1].joinpath("api", "examples").glob("*.json"))
    return {name: each for file in files for name, each in json.loads(file.read_text()).items()}
