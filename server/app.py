"""The routes of the API and of the web front end."""

from typing import Any

from tornado.web import Application, RequestHandler

from server.handlers.base import Handler, NotFound
from server.handlers.bulk import BulkCancelHandler, BulkRetryHandler
from server.handlers.error_page import ErrorPageHandler
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
    """Create the Tornado application. `services` must be open."""
    arguments: dict[str, Any] = {"services": services}
    page_arguments = {**arguments, "files": WebFiles()}
    routes = [
        (r"/", IndexHandler, page_arguments),
        (r"/healthz", HealthHandler, arguments),
        (r"/readyz", ReadyHandler, arguments),
        (r"/metrics", MetricsHandler, arguments),
        (r"/overview/?", OverviewHandler, arguments),
        (r"/overview/history/?", HistoryHandler, arguments),
        (r"/openapi.json", OpenApiHandler, arguments),
        (r"/session/?", SessionHandler, arguments),
        (r"/ui/static/([^/]+)/(.+)", FileHandler, page_arguments),
        (r"/(?:ui|docs)/?", PageHandler, page_arguments),
        (r"/docs/errors/?", ErrorPageHandler, page_arguments),
        (r"/ui/(?:jobs|jobs/[^/]+|submit)/?", PageHandler, page_arguments),
        (r"/ui/.*", NoPageHandler, page_arguments),
        (r"/jobs/?", JobsHandler, arguments),
        (r"/jobs/cancel/?", BulkCancelHandler, arguments),
        (r"/jobs/retry/?", BulkRetryHandler, arguments),
        (r"/jobs/([^/]+)/?", JobHandler, arguments),
        (r"/jobs/([^/]+)/cancel/?", CancelHandler, arguments),
        (r"/jobs/([^/]+)/events/?", JobEventsHandler, arguments),
        (r"/jobs/([^/]+)/logs/?", OutputHandler, arguments),
        (r"/events/?", EventsHandler, arguments),
        (r"/queues/?", QueuesHandler, arguments),
        (r"/queues/([^/]+)/?", QueueHandler, arguments),
        (r"/jobs/([^/]+)/retry/?", RetryHandler, arguments),
        (r"/jobs/([^/]+)/explain/?", ExplainHandler, arguments),
    ]
    return Application(
        routes,
        default_handler_class=NotFound,
        default_handler_args=arguments,
        log_function=log_request,
        cross_origin_protection=True,
        trusted_origins=services.settings.allowed_origins,
    )


def log_request(handler: RequestHandler) -> None:
    """Log and count a request that a handler has answered, as the fast path does."""
    request, status = handler.request, handler.get_status()
    seconds, address = request.request_time(), request.remote_ip or ""
    assert isinstance(handler, Handler)
    method, caller = request.method or "", handler.caller.name
    counted = seconds if handler.is_timed else None
    handler.services.request_metrics.count(handler.ROUTE, method, status, counted)
    log_access(method, request.path, status, seconds, address, caller, handler.request_id)
