"""The routes."""

from typing import Any

from tornado.web import Application, RequestHandler

from server.handlers.base import Handler, NotFound
from server.handlers.bulk import BulkCancelHandler, BulkRetryHandler
from server.handlers.events import EventsHandler, JobEventsHandler
from server.handlers.explain import ExplainHandler
from server.handlers.health import HealthHandler, OpenApiHandler
from server.handlers.job import CancelHandler, JobHandler, RetryHandler
from server.handlers.jobs import JobsHandler
from server.handlers.metrics import HistoryHandler, MetricsHandler, OverviewHandler, ReadyHandler
from server.handlers.output import OutputHandler
from server.handlers.pages import FileHandler, IndexHandler, NoPageHandler, PageHandler
from server.handlers.queues import QueueHandler, QueuesHandler
from server.handlers.session import SessionHandler
from server.handlers.web_files import WebFiles
from server.http.access_log import log_access
from server.jobs.services import Services


def make_app(services: Services) -> Application:
    """The application, on open services."""
    given: dict[str, Any] = {"services": services}
    web = {**given, "files": WebFiles()}
    routes = [
        (r"/", IndexHandler, web),
        (r"/healthz", HealthHandler, given),
        (r"/readyz", ReadyHandler, given),
        (r"/metrics", MetricsHandler, given),
        (r"/overview/?", OverviewHandler, given),
        (r"/overview/history/?", HistoryHandler, given),
        (r"/openapi.json", OpenApiHandler, given),
        (r"/session/?", SessionHandler, given),
        (r"/ui/static/([^/]+)/(.+)", FileHandler, web),
        (r"/(?:ui|docs)/?", PageHandler, web),
        (r"/ui/(?:jobs|jobs/[^/]+|submit)/?", PageHandler, web),
        (r"/ui/.*", NoPageHandler, web),
        (r"/jobs/?", JobsHandler, given),
        (r"/jobs/cancel/?", BulkCancelHandler, given),
        (r"/jobs/retry/?", BulkRetryHandler, given),
        (r"/jobs/([^/]+)/?", JobHandler, given),
        (r"/jobs/([^/]+)/cancel/?", CancelHandler, given),
        (r"/jobs/([^/]+)/events/?", JobEventsHandler, given),
        (r"/jobs/([^/]+)/logs/?", OutputHandler, given),
        (r"/events/?", EventsHandler, given),
        (r"/queues/?", QueuesHandler, given),
        (r"/queues/([^/]+)/?", QueueHandler, given),
        (r"/jobs/([^/]+)/retry/?", RetryHandler, given),
        (r"/jobs/([^/]+)/explain/?", ExplainHandler, given),
    ]
    return Application(
        routes,
        default_handler_class=NotFound,
        default_handler_args=given,
        log_function=log_request,
        cross_origin_protection=True,
        trusted_origins=services.settings.origins,
    )


def log_request(handler: RequestHandler) -> None:
    """As log_access."""
    request, status = handler.request, handler.get_status()
    seconds, address = request.request_time(), request.remote_ip or ""
    caller = handler.caller.name if isinstance(handler, Handler) else None
    log_access(request.method or "", request.path, status, seconds, address, caller)
