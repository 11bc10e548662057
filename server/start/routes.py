"""The routes of a listener: each path, its handler, and the objects that the handler uses.

Type checkers compare these objects with the constructor of the handler.
"""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Concatenate, ParamSpec
from uuid import UUID

from tornado.httputil import HTTPServerRequest
from tornado.routing import URLSpec

from server.api.analyses.analyses import ComparisonHandler, ReportHandler
from server.api.analyses.analyze import AnalysisHandler, NamedAnalysisHandler
from server.api.analyses.lines import LinesHandler
from server.api.audit import AuditHandler
from server.api.batches import BatchCancelHandler, BatchesHandler, BatchHandler, NewBatchHandler
from server.api.failures import FailuresHandler
from server.api.files.bundle import BundleHandler
from server.api.files.files import FileHandler as JobFileHandler
from server.api.files.files import FilesArchiveHandler, FilesHandler
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
        route(r"/healthz", HealthHandler, query, threads),
        route(r"/readyz", ReadyHandler, ready, runners, threads, app.disk_watermark),
        route(r"/metrics", MetricsHandler, threads, oldest, *about, scale),
        route(r"/scale/?", ScaleHandler, scale, threads),
        route(r"/overview/?", OverviewHandler, app.stats, app.job_types),
        route(
            r"/overview/history/?", HistoryHandler, lambda: last_hour(database, clock()), threads
        ),
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
        route(r"/openapi.json", OpenApiHandler, app.openapi),
        route(r"/session/?", SessionHandler, audit, app.quotas, threads),
        route(r"/stream-tokens/?", StreamTokensHandler),
        route(r"/audit/?", AuditHandler, audit, threads),
    ]


def _job_types(app: App) -> list[URLSpec]:
    documents, sets = app.type_documents, app.pattern_sets
    return [
        route(r"/types/?", TypesHandler, documents),
        route(r"/types/([^/]+)/?", TypeHandler, documents, app.job_types),
        route(r"/pattern-sets/?", PatternSetsHandler, sets),
        route(r"/pattern-sets/([^/]+)/?", PatternSetHandler, sets, app.checks, app.threads),
    ]


def _schedules(app: App) -> list[URLSpec]:
    schedules, new = app.schedules, (app.admissions, app.submissions)
    return [
        route(r"/schedules/?", SchedulesHandler, schedules),
        route(r"/schedules/([^/]+)/?", ScheduleHandler, schedules),
        route(r"/schedules/([^/]+)/run/?", ScheduleRunHandler, schedules, *new),
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
        route(r"/analyze/?", AnalysisHandler, intake, app.jobs),
        route(r"/analyze/([^/]+)/?", NamedAnalysisHandler, intake, app.jobs),
        route(r"/jobs/?", JobsHandler, intake, app.jobs),
        route(r"/jobs/upload/?", UploadHandler, intake, app.jobs),
        route(r"/jobs/batch/?", NewBatchHandler, *batches),
    ]


def _many_jobs(app: App) -> list[URLSpec]:
    database, threads = app.store.database, app.threads
    queues = app.queues, threads, partial(count_own, database)
    bulk = app.bulk, app.queue_watermark, app.quotas, threads
    failures = partial(find_failures, database)
    return [
        route(r"/queues/?", QueuesHandler, *queues),
        route(r"/queues/([^/]+)/?", QueueHandler, *queues),
        route(r"/batches/?", BatchesHandler, app.batches),
        route(r"/batches/([^/]+)/?", BatchHandler, app.batches),
        route(r"/batches/([^/]+)/cancel/?", BatchCancelHandler, app.batches),
        route(r"/jobs/cancel/?", BulkCancelHandler, *bulk),
        route(r"/jobs/retry/?", BulkRetryHandler, *bulk),
        route(r"/failures/?", FailuresHandler, failures, threads),
        route(r"/events/?", EventsHandler, app.event_feed, app.events, threads),
    ]


def _one_job(app: App) -> list[URLSpec]:
    store, jobs, threads, events = app.store, app.jobs, app.threads, app.events
    explained = partial(explain, store.database, store.clock, store.runners_folder)
    lines = store.uploads, app.line_readers, app.run_file_io
    return [
        route(r"/jobs/([^/]+)/?", JobHandler, jobs),
        route(r"/jobs/([^/]+)/cancel/?", CancelHandler, jobs),
        route(r"/jobs/([^/]+)/retry/?", RetryHandler, jobs),
        route(r"/jobs/([^/]+)/events/?", JobEventsHandler, app.event_feed, events, threads, jobs),
        route(r"/jobs/([^/]+)/logs/?", OutputHandler, jobs, events, threads),
        route(r"/jobs/([^/]+)/lines/?", LinesHandler, jobs, *lines),
        route(r"/jobs/([^/]+)/comparison/?", ComparisonHandler, jobs),
        route(r"/jobs/([^/]+)/report/?", ReportHandler, jobs),
        route(r"/jobs/([^/]+)/explain/?", ExplainHandler, explained, jobs, threads),
    ]


def _files(app: App) -> list[URLSpec]:
    jobs, store, threads, downloads = app.jobs, app.store, app.threads, app.downloads
    files = store.artifacts, app.job_store, threads
    bundle = store.artifacts, app.events, app.job_store, threads, store.uploads
    watermark, new = app.disk_watermark, (app.resumable, app.settings.max_upload_bytes)
    return [
        route(r"/jobs/([^/]+)/upload/?", UploadedFileHandler, jobs, downloads, store.uploads),
        route(r"/jobs/([^/]+)/bundle/?", BundleHandler, jobs, downloads, *bundle),
        route(r"/jobs/([^/]+)/files/?", FilesHandler, jobs, app.job_store, threads),
        route(r"/jobs/([^/]+)/files\.zip", FilesArchiveHandler, jobs, downloads, *files),
        route(r"/jobs/([^/]+)/files/(.+)", JobFileHandler, jobs, downloads, *files),
        route(r"/uploads/?", UploadsHandler, *new, watermark),
        route(r"/uploads/([^/]+)/?", OneUploadHandler, *new, watermark, app.run_file_io),
        route(r"/files/([^/]+)/?", KnownFileHandler, app.stored_files),
    ]
