"""The routes of a listener: paths and their handlers. `server/app.py` creates what handlers use."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from server.handlers.audit import AuditHandler
from server.handlers.base import Handler
from server.handlers.files.bundle import BundleHandler
from server.handlers.files.files import FileHandler as JobFileHandler
from server.handlers.files.files import FilesArchiveHandler, FilesHandler
from server.handlers.files.known_file import KnownFileHandler
from server.handlers.files.resumable import OneUploadHandler, UploadsHandler
from server.handlers.files.upload import UploadedFileHandler
from server.handlers.guides import GuideHandler
from server.handlers.health import HealthHandler, OpenApiHandler
from server.handlers.jobs.analyses import ComparisonHandler, ReportHandler
from server.handlers.jobs.analyze import AnalysisHandler, NamedAnalysisHandler
from server.handlers.jobs.batches import (
    BatchCancelHandler,
    BatchesHandler,
    BatchHandler,
    NewBatchHandler,
)
from server.handlers.jobs.bulk import BulkCancelHandler, BulkRetryHandler
from server.handlers.jobs.events import EventsHandler, JobEventsHandler
from server.handlers.jobs.explain import ExplainHandler
from server.handlers.jobs.failures import FailuresHandler
from server.handlers.jobs.job import CancelHandler, JobHandler, OutputHandler, RetryHandler
from server.handlers.jobs.jobs import JobsHandler
from server.handlers.jobs.lines import LinesHandler
from server.handlers.jobs.upload import UploadHandler
from server.handlers.metrics import HistoryHandler, MetricsHandler, OverviewHandler, ReadyHandler
from server.handlers.pages import (
    ErrorPageHandler,
    FileHandler,
    IndexHandler,
    NoPageHandler,
    PageHandler,
)
from server.handlers.pattern_sets import PatternSetHandler, PatternSetsHandler
from server.handlers.queues import QueueHandler, QueuesHandler
from server.handlers.scale import ScaleHandler
from server.handlers.schedules import ScheduleHandler, ScheduleRunHandler, SchedulesHandler
from server.handlers.session import SessionHandler
from server.handlers.sign_in import (
    CallbackHandler,
    RenewalHandler,
    SignInHandler,
    SignOutHandler,
)
from server.handlers.stream_tokens import StreamTokensHandler
from server.handlers.types import TypeHandler, TypesHandler

ROUTES: tuple[tuple[str, type[Handler]], ...] = (
    (r"/", IndexHandler),
    (r"/healthz", HealthHandler),
    (r"/readyz", ReadyHandler),
    (r"/metrics", MetricsHandler),
    (r"/scale/?", ScaleHandler),
    (r"/overview/?", OverviewHandler),
    (r"/overview/history/?", HistoryHandler),
    (r"/openapi.json", OpenApiHandler),
    (r"/session/?", SessionHandler),
    (r"/stream-tokens/?", StreamTokensHandler),
    (r"/ui/static/([^/]+)/(.+)", FileHandler),
    (r"/(ui|docs)/?", PageHandler),
    (r"/ui/sign-in/?", SignInHandler),
    (r"/ui/sign-in/callback", CallbackHandler),
    (r"/ui/sign-in/renew", RenewalHandler),
    (r"/ui/sign-out/?", SignOutHandler),
    (r"/docs/errors/?", ErrorPageHandler),
    (r"/docs/((?:decisions/|images/)?[\w-]+(?:\.png|\.svg)?)(?:\.md)?/?", GuideHandler),
    (r"/ui/(jobs|jobs/[^/]+|failures|audit|schedules|schedules/[^/]+|submit)/?", PageHandler),
    (r"/ui/.*", NoPageHandler),
    (r"/queues/?", QueuesHandler),
    (r"/queues/([^/]+)/?", QueueHandler),
    (r"/types/?", TypesHandler),
    (r"/types/([^/]+)/?", TypeHandler),
    (r"/pattern-sets/?", PatternSetsHandler),
    (r"/pattern-sets/([^/]+)/?", PatternSetHandler),
    (r"/schedules/?", SchedulesHandler),
    (r"/schedules/([^/]+)/?", ScheduleHandler),
    (r"/schedules/([^/]+)/run/?", ScheduleRunHandler),
    (r"/analyze/?", AnalysisHandler),
    (r"/analyze/([^/]+)/?", NamedAnalysisHandler),
    (r"/jobs/?", JobsHandler),
    (r"/jobs/upload/?", UploadHandler),
    (r"/jobs/batch/?", NewBatchHandler),
    (r"/batches/?", BatchesHandler),
    (r"/batches/([^/]+)/?", BatchHandler),
    (r"/batches/([^/]+)/cancel/?", BatchCancelHandler),
    (r"/jobs/cancel/?", BulkCancelHandler),
    (r"/jobs/retry/?", BulkRetryHandler),
    (r"/jobs/([^/]+)/?", JobHandler),
    (r"/jobs/([^/]+)/cancel/?", CancelHandler),
    (r"/jobs/([^/]+)/retry/?", RetryHandler),
    (r"/jobs/([^/]+)/events/?", JobEventsHandler),
    (r"/jobs/([^/]+)/logs/?", OutputHandler),
    (r"/jobs/([^/]+)/lines/?", LinesHandler),
    (r"/jobs/([^/]+)/upload/?", UploadedFileHandler),
    (r"/jobs/([^/]+)/bundle/?", BundleHandler),
    (r"/jobs/([^/]+)/files/?", FilesHandler),
    (r"/jobs/([^/]+)/files\.zip", FilesArchiveHandler),
    (r"/jobs/([^/]+)/files/(.+)", JobFileHandler),
    (r"/jobs/([^/]+)/comparison/?", ComparisonHandler),
    (r"/jobs/([^/]+)/report/?", ReportHandler),
    (r"/jobs/([^/]+)/explain/?", ExplainHandler),
    (r"/failures/?", FailuresHandler),
    (r"/audit/?", AuditHandler),
    (r"/uploads/?", UploadsHandler),
    (r"/uploads/([^/]+)/?", OneUploadHandler),
    (r"/files/([^/]+)/?", KnownFileHandler),
    (r"/events/?", EventsHandler),
)


def connected(
    routes: Iterable[tuple[str, type[Handler]]], objects: Mapping[str, Any]
) -> Iterator[tuple[str, type[Handler], dict[str, Any]]]:
    """Yield routes, each with the objects that its handler uses.

    A handler gets the objects whose names are annotated attributes of its class.
    """
    for path, handler in routes:
        yield path, handler, {name: objects[name] for name in collaborators(handler, objects)}


def collaborators(handler: type[Handler], names: Iterable[str]) -> set[str]:
    """Return those of the names that are annotated attributes of the class."""
    annotated = (inspect.get_annotations(each) for each in handler.__mro__)
    return set(names) & set().union(*annotated)
