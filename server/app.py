"""The routes."""

import logging

from tornado.web import Application, RequestHandler

from server.handlers.base import NotFound
from server.handlers.health import HealthHandler, IndexHandler
from server.handlers.job import CancelHandler, JobHandler
from server.handlers.jobs import JobsHandler
from server.services import Services

access_log = logging.getLogger("server.access")


def make_app(services: Services) -> Application:
    """The application, on open services."""
    given = {"services": services}
    routes = [
        (r"/", IndexHandler, given),
        (r"/healthz", HealthHandler, given),
        (r"/jobs/?", JobsHandler, given),
        (r"/jobs/([^/]+)/?", JobHandler, given),
        (r"/jobs/([^/]+)/cancel/?", CancelHandler, given),
    ]
    return Application(
        routes,
        default_handler_class=NotFound,
        default_handler_args=given,
        log_function=log_request,
        cross_origin_protection=True,
    )


def log_request(handler: RequestHandler) -> None:
    """One line a request; what went well is only of interest when debugging."""
    status = handler.get_status()
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    request = handler.request
    extra = {
        "method": request.method,
        "path": request.path,
        "status": status,
        "ms": round(1000 * request.request_time(), 1),
        "address": request.remote_ip,
    }
    access_log.log(level, "request", extra=extra)
