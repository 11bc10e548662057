"""Starts and stops the listener: opens the store, listens, and shuts down on a signal."""

import asyncio
import contextlib
import faulthandler
import gc
import logging
import resource
import socket
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from runner.job_types.registry import loader as job_types
from runner.job_types.registry.found import JobTypes
from server.http.connections.acceptor import default_max_connections
from server.jobs.schedules_file import load_schedules
from server.settings.server import ServerSettings
from server.start.app import App
from server.start.http_server import HttpServer
from server.start.listening import (
    UnusableSocket,
    bind_to,
    cannot_listen,
    log_addresses,
    own_url,
    take_over_sockets,
)
from server.start.routes import routes
from server.store.spans import RequestSpans
from storage.open import Store, max_file_bytes, open_store
from storage.records.job import StoreError, StoreFull, StoreUnavailable, StoreUnusable
from storage.settings.removed import warn_of_removed_settings
from storage.settings.stop_signals import STOP_SIGNALS, StopSignals
from storage.telemetry.logs import exit_with, set_up_logs
from storage.telemetry.privileges import give_up_new_privileges
from storage.telemetry.service_manager import ServiceManager
from storage.telemetry.start_up import open_spans

log = logging.getLogger(__name__)

PROGRAM = "listener"
"""The name of this program in the log."""

STOP_SECONDS = 10.0
"""Time that requests under way may take to end at a shutdown."""
LAST_REQUEST_SECONDS = 2.0
"""Time in which a client with an idle connection may send a last request at a shutdown."""
ABORT_SECONDS = 3.0
"""Time that aborted uploads may take to remove their files."""
OPEN_FILES = 65536
"""The limit of open files that is requested, since each connection needs one."""


def serve(settings: ServerSettings, signals: StopSignals, manager: ServiceManager) -> None:
    """Run the listener until a stop signal. Exits with a message if it cannot start."""
    prepare_process(settings)
    try:
        # All of it before the store is opened, which changes the schema of the database.
        require_storable_uploads(settings)
        inherited = take_over_sockets(settings)
        types = find_types(settings)
        tracing = open_spans(settings, "listener")
        signals.exit_if_received()
        store = open_store(settings, give_up=signals.received)
    except (StoreError, job_types.JobTypesError, UnusableSocket) as error:
        signals.exit_if_received()
        exit_with(f"cannot start: {error}")
    except OSError as error:
        exit_with(cannot_listen(settings, error))
    spans = RequestSpans(tracing) if tracing else None
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(listen(settings, inherited, store, types, spans, signals, manager))
    except StoreError as error:
        exit_with(f"cannot start: {error}")
    except OSError as error:
        exit_with(cannot_listen(settings, error))
    finally:
        store.close()
        if tracing:
            tracing.close()


def prepare_process(settings: ServerSettings) -> None:
    """Set what the whole process has until its end: the limit of files, logs, and fewer rights."""
    raise_file_limit()
    set_up_logs(settings.log_level, settings.log_format, PROGRAM)
    warn_of_removed_settings()
    give_up_new_privileges()


def find_types(settings: ServerSettings) -> JobTypes:
    """Find all job types, and log each one that does not work. Raises JobTypesError."""
    types = job_types.find(settings.job_type_sources)
    for broken in types.broken:
        log.warning("a job type does not work", extra=broken.log_fields)
    return types


def require_storable_uploads(settings: ServerSettings) -> None:
    """Raise StoreUnusable if MAX_UPLOAD_BYTES is more than the storage of uploads can hold."""
    limit = max_file_bytes(settings)
    if limit is not None and settings.max_upload_bytes > limit:
        raise StoreUnusable(
            f"MAX_UPLOAD_BYTES={settings.max_upload_bytes}: a file in S3 has {limit} bytes at most"
        )


def raise_file_limit() -> None:
    """Raise the soft limit of open files, often 1024, towards OPEN_FILES."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))


def leave_out_loaded_objects() -> None:
    """Let the garbage collector pass over all objects that exist now.

    A full search for garbage would go through all loaded modules, and block the event loop for some
    50 ms.
    """
    gc.collect()
    gc.freeze()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Create uvloop's event loop, or asyncio's on platforms for which uvloop has no wheel."""
    try:
        uvloop = import_module("uvloop")
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def listen(
    settings: ServerSettings,
    inherited: Sequence[socket.socket],
    store: Store,
    types: JobTypes,
    spans: RequestSpans | None,
    signals: StopSignals,
    manager: ServiceManager,
) -> None:
    """Serve requests until SIGTERM or SIGINT, then let the requests under way end.

    It listens on the inherited sockets if there are some. Returns at once if one of `signals` has
    arrived already.
    """
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if signals.received():
        return
    sockets = inherited or bind_to(settings)
    max_connections = default_max_connections()
    app = App(settings, store, types, spans)
    leave_out_loaded_objects()
    if settings.schedules_file:
        try:
            await load_when_possible(app, settings.schedules_file, stop)
        except BaseException:
            app.close()
            raise
    server = app.serve(routes(app), sockets, max_connections)
    log_addresses(sockets, app.authenticator.tokens is not None)
    manager.ready(f"{own_url(settings, sockets[0])}, data in {settings.data_place}")
    watched = asyncio.create_task(stay_alive(manager))
    await stop.wait()
    log.info("stopping")
    manager.stopping("requests under way end", STOP_SECONDS + ABORT_SECONDS)
    await shut_down(app, server)
    watched.cancel()
    log.info("stopped", extra={"program": PROGRAM})


async def load_when_possible(app: App, file: Path, stop: asyncio.Event) -> None:
    """Load the schedules of SCHEDULES_FILE; wait while the store is away or full, until `stop`.

    Raises StoreError.
    """
    while not stop.is_set():
        try:
            return await load_schedules(file, app.schedules, app.queues, app.threads)
        except (StoreUnavailable, StoreFull) as error:
            log.warning("schedules cannot be loaded yet, waiting", extra={"reason": str(error)})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)


async def shut_down(app: App, server: HttpServer) -> None:
    """Stop accepting clients, let the requests under way end, and close everything."""
    stop_at = time.monotonic() + STOP_SECONDS
    server.acceptor.close()
    await app.begin_stop()
    await server.acceptor.finish_connections(LAST_REQUEST_SECONDS, STOP_SECONDS)
    await app.finish_requests(max(0.0, stop_at - time.monotonic()))
    await server.close_all_connections()
    await app.activity.finish_background_tasks(ABORT_SECONDS)
    app.close()


async def stay_alive(manager: ServiceManager) -> None:
    """Tell systemd, while the event loop runs, that it does.

    If it does not, systemd ends this process by SIGABRT, and the log gets the stacks of its
    threads.
    """
    if manager.is_watching:
        faulthandler.enable()
        while True:
            manager.alive()
            await asyncio.sleep(manager.alive_seconds)
