"""Opens all that a listener needs, and listens until it is told to stop."""

import asyncio
import logging
import resource
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from tornado.netutil import bind_sockets

from runner.job_types import loader as job_types
from runner.job_types.base import JobType
from server.http.acceptor import most_connections
from server.http_server import HttpApplication, HttpServer
from server.jobs.services import Services
from server.settings.server import ServerSettings
from server.store.spans import RequestSpans
from storage.open import Store, open_store
from storage.records.job import StoreError, StoreUnusable
from storage.telemetry.logs import set_up_logs
from storage.telemetry.tracing import TracingError, open_spans

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
ABORT_SECONDS = 3.0
"""What uploads that were cut off may take to leave nothing behind."""
OPEN_FILES = 65536
"""What is asked for, since each connection is one."""


def serve(settings: ServerSettings) -> None:
    """Open all that a listener needs, and listen."""
    allow_many_connections()
    set_up_logs(settings.log_level, settings.log_format, "listener")
    try:
        store = open_store(settings)
        require_room_for_uploads(settings, store)
        types = job_types.find(settings.job_type_packages)
        traces = RequestSpans(open_spans(settings, "listener"))
    except (StoreError, job_types.JobTypesError, TracingError) as error:
        sys.exit(f"cannot start: {error}")
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(listen(settings, store, types, traces))
    except StoreError as error:
        sys.exit(f"cannot start: {error}")
    except OSError as error:
        host = f"HOST={settings.host}, " if settings.host else ""
        sys.exit(f"cannot listen on {host}PORT={settings.port}: {error.strerror}")
    finally:
        store.close()
        traces.close()


def require_room_for_uploads(settings: ServerSettings, store: Store) -> None:
    """Raise StoreUnusable where a file that is taken could not be stored."""
    most = store.uploads.MAX_BYTES
    if most is not None and settings.max_upload_bytes > most:
        store.close()
        raise StoreUnusable(
            f"MAX_UPLOAD_BYTES={settings.max_upload_bytes}: a file in S3 has {most} at most"
        )


def allow_many_connections() -> None:
    """Raise the limit of open files, which is often 1024, as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The fastest there is; uvloop has no wheel for every platform."""
    try:
        uvloop = import_module("uvloop")
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def listen(
    settings: ServerSettings,
    store: Store,
    types: Mapping[str, JobType[Any]],
    traces: RequestSpans,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then let those under way end."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sockets = bind_sockets(settings.port, settings.host or None)
    most = settings.max_connections or most_connections()
    # Streams stay, so they may not take all places.
    streams = min(settings.max_streams, max(1, most // 2))
    settings = settings.model_copy(update={"max_streams": streams})
    services = Services(settings, store, types, traces)
    entrance = HttpServer(HttpApplication(services), sockets, most)
    log.info("listening", extra={"port": sockets[0].getsockname()[1]})
    if services.authenticator.tokens is None:
        log.warning("no API_TOKENS are set: whoever reaches this address may do anything")
    await stop.wait()
    log.info("stopping")
    entrance.close()
    await services.finish_requests(STOP_SECONDS)
    await entrance.close_all_connections()
    await services.finish_background_tasks(ABORT_SECONDS)
    services.close()
    log.info("stopped")
