"""The routes of a listener: each path, its handler, and the objects that the handler uses.

Type checkers compare these objects with the constructor of the handler.
"""

import re
from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from tornado.httputil import HTTPServerRequest
from tornado.routing import URLSpec

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
from server.api.files.job_files import FileHandler as JobFileHandler
from server.api.files.job_files import FilesArchiveHandler, FilesHandler
from server.api.files.known_file import KnownFileHandler
from server.api.files.upload import UploadedFileHandler
from server.api.jobs.bulk import BulkCancelHandler, BulkRetryHandler
from server.api.jobs.events import EventsHandler, JobEventsHandler
from server.api.jobs.explain import ExplainHandler
from server.api.jobs.job import CancelHandler, JobHandler, OutputHandler, RetryHandler
from server.api.jobs.jobs import JobsHandler
from server.api.jobs.submission import Intake
from server.api.jobs.upload import UploadHandler
from server.api.monitoring.health import HealthHandler, MetricsHandler, OpenApiHandler, ReadyHandler
from server.api.monitoring.overview import HistoryHandler, OverviewHandler
from server.api.monitoring.scale import ScaleHandler
from server.api.pattern_sets.pattern_sets import PatternSetHandler, PatternSetsHandler
from server.api.queues import QueueHandler, QueuesHandler
from server.api.schedules import ScheduleHandler, ScheduleRunHandler, SchedulesHandler
from server.api.session.session import SessionHandler, StreamTokensHandler
from server.api.session.sign_in import (
    CallbackHandler,
    RenewalHandler,
    SignInHandler,
    SignOutHandler,
)
from server.api.types import TypeHandler, TypesHandler
from server.api.uploads.uploads import OneUploadHandler, UploadsHandler
from server.handlers.application import ListenerApplication
from server.handlers.base import Handler
from server.handlers.guides import GuideHandler
from server.handlers.pages import (
    ErrorPageHandler,
    FileHandler,
    IndexHandler,
    NoPageHandler,
    PageHandler,
)
from server.start.app import App
from storage.liveness.runners import registered_runners
from storage.queries.caller_use import count_own
from storage.queries.explain import explain
from storage.queries.failures import find_failures
from storage.queries.health import oldest_transaction_seconds, require_ready
from storage.queries.history import last_hour
from storage.queries.scale import read_scale

P = ParamSpec("P")
Constructor = Callable[Concatenate[ListenerApplication, HTTPServerRequest, P], Handler]


def routes(app: App) -> list[URLSpec]:
    """Return all routes. The first one that matches the path of a request serves it."""
    return [
        *_monitoring(app),
        *_pages(app),
        *_callers(app),
        *_job_types(app),
        *_schedules(app),
        *_submissions(app),
        *_many_jobs(app),
        *_one_job(app),
        *_files(app),
    ]


def api(handler: Constructor[P], *args: P.args, **kwargs: P.kwargs) -> URLSpec:
    """Return the route of a handler of the API: its path is the ROUTE of the handler."""
    path = re.escape(cast(type[Handler], handler).ROUTE)
    return route(re.sub(r"\\{\w+\\}", "([^/]+)", path) + "/?", handler, *args, **kwargs)


def route(path: str, handler: Constructor[P], *args: P.args, **kwargs: P.kwargs) -> URLSpec:
    """Return a route whose handlers are constructed with these objects."""
    bound = signature(handler).bind(None, None, *args, **kwargs)
    _, _, *objects = bound.arguments.items()
    return URLSpec(path, handler, dict(objects))


def _monitoring(app: App) -> list[URLSpec]:
    database, clock, folder = app.store.database, app.store.clock, app.store.runners_folder
    threads = app.threads
    ready, runners = partial(require_ready, database), partial(registered_runners, database, folder)
    oldest = partial(oldest_transaction_seconds, database)
    scale = partial(read_scale, database, clock, folder)
    query = partial(app.job_store.get, UUID(int=0))
    about = app.stats, app.job_types, app.metrics
    return [
        api(HealthHandler, query, threads),
        api(ReadyHandler, ready, runners, threads, app.disk_watermark),
        api(MetricsHandler, threads, oldest, *about, scale),
        api(ScaleHandler, scale, threads),
        api(OverviewHandler, app.stats, app.job_types),
        api(HistoryHandler, lambda: last_hour(database, clock()), threads),
    ]


def _pages(app: App) -> list[URLSpec]:
    files, sign_in = app.web_files, app.sign_in
    audit, threads = app.store.audit, app.threads
    return [
        route(r"/", IndexHandler, files, app.job_types),
        route(r"/ui/static/([^/]+)/(.+)", FileHandler, files),
        route(r"/(ui|docs)/?", PageHandler, files),
        route(r"/ui/sign-in/?", SignInHandler, files, sign_in),
        route(r"/ui/sign-in/callback", CallbackHandler, files, sign_in, audit, threads),
        route(r"/ui/sign-in/renew", RenewalHandler, files, sign_in, app.quotas),
        route(r"/ui/sign-out/?", SignOutHandler, files, sign_in),
        route(r"/docs/errors/?", ErrorPageHandler, files),
        route(
            r"/docs/((?:decisions/|images/)?[\w-]+(?:\.png|\.svg)?)(?:\.md)?/?", GuideHandler, files
        ),
        route(
            r"/ui/(jobs|jobs/[^/]+|failures|audit|schedules|schedules/[^/]+|submit)/?",
            PageHandler,
            files,
        ),
        route(r"/ui/.*", NoPageHandler, files),
    ]


def _callers(app: App) -> list[URLSpec]:
    audit, threads = app.store.audit, app.threads
    return [
        api(OpenApiHandler, app.openapi),
        api(SessionHandler, audit, app.quotas, threads),
        api(StreamTokensHandler),
        api(AuditHandler, audit, threads),
    ]


def _job_types(app: App) -> list[URLSpec]:
    documents, sets = app.type_documents, app.pattern_sets
    return [
        api(TypesHandler, documents),
        api(TypeHandler, documents, app.job_types),
        api(PatternSetsHandler, sets),
        api(PatternSetHandler, sets, app.checks, app.threads),
    ]


def _schedules(app: App) -> list[URLSpec]:
    schedules, new = app.schedules, (app.admissions, app.submissions)
    return [
        api(SchedulesHandler, schedules),
        api(ScheduleHandler, schedules),
        api(ScheduleRunHandler, schedules, *new),
    ]


def _submissions(app: App) -> list[URLSpec]:
    settings = app.settings
    intake = Intake(
        app.submissions,
        app.admissions,
        app.disk_watermark,
        app.store.uploads,
        settings.max_upload_bytes,
        app.run_file_io,
    )
    batches = app.admissions, app.batches
    return [
        api(AnalysisHandler, intake, app.jobs),
        api(NamedAnalysisHandler, intake, app.jobs),
        api(JobsHandler, intake, app.jobs),
        api(UploadHandler, intake, app.jobs),
        api(NewBatchHandler, *batches),
    ]


def _many_jobs(app: App) -> list[URLSpec]:
    database, threads = app.store.database, app.threads
    queues = app.queues, threads, partial(count_own, database)
    bulk = app.bulk, app.queue_watermark, app.quotas, threads
    failures = partial(find_failures, database)
    return [
        api(QueuesHandler, *queues),
        api(QueueHandler, *queues),
        api(BatchesHandler, app.batches),
        api(BatchHandler, app.batches),
        api(PipelineHandler, app.batches),
        api(BatchCancelHandler, app.batches),
        api(BulkCancelHandler, *bulk),
        api(BulkRetryHandler, *bulk),
        api(FailuresHandler, failures, threads),
        api(EventsHandler, app.event_feed, app.events, threads),
    ]


def _one_job(app: App) -> list[URLSpec]:
    store, jobs, threads, events = app.store, app.jobs, app.threads, app.events
    explained = partial(explain, store.database, store.clock, store.runners_folder)
    lines = store.uploads, app.line_readers, app.run_file_io
    return [
        api(JobHandler, jobs),
        api(CancelHandler, jobs),
        api(RetryHandler, jobs),
        api(JobEventsHandler, app.event_feed, events, threads, jobs),
        api(OutputHandler, jobs, events, threads),
        api(LinesHandler, jobs, *lines),
        api(ComparisonHandler, jobs),
        api(ReportHandler, jobs),
        api(RangeHandler, jobs),
        api(ExplainHandler, explained, jobs, threads),
    ]


def _files(app: App) -> list[URLSpec]:
    jobs, store, threads, downloads = app.jobs, app.store, app.threads, app.downloads
    files = store.artifacts, app.job_store, threads
    bundle = store.artifacts, app.events, app.job_store, threads, store.uploads
    watermark, new = app.disk_watermark, (app.resumable, app.settings.max_upload_bytes)
    return [
        api(UploadedFileHandler, jobs, downloads, store.uploads),
        api(BundleHandler, jobs, downloads, *bundle),
        api(FilesHandler, jobs, app.job_store, threads),
        api(FilesArchiveHandler, jobs, downloads, *files),
        route(r"/jobs/([^/]+)/files/(.+)", JobFileHandler, jobs, downloads, *files),
        api(UploadsHandler, *new, watermark),
        api(OneUploadHandler, *new, watermark, app.run_file_io),
        api(KnownFileHandler, app.stored_files),
    ]
