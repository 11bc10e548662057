"""The composition of a worker: opens the store, runs jobs until a stop signal, then drains."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from runner.config import RunnerSettings
from runner.files.folder import FileLimits
from runner.in_fork_server import load, report_hang
from runner.isolation import job_access, job_cgroups
from runner.pool.fork.watchdog import WatchdogSettings
from runner.pool.job_process.loop import Entry
from runner.pool.linux import processes
from runner.pool.linux.cgroups import JobCgroups
from runner.pool.linux.landlock import JobAccess
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import Pool, PoolError
from runner.pool.protocol.setup import CallLimits, JobLimits
from runner.supervisor.backoff import backoff_ms
from runner.supervisor.file_storer import FileStorer
from runner.supervisor.heartbeat import Heartbeat
from runner.supervisor.maintenance import Maintenance
from runner.supervisor.running_jobs import RunningJobs
from runner.supervisor.scheduled_backups import BackupPlan, ScheduledBackups
from runner.supervisor.spans import AttemptSpans
from runner.supervisor.supervisor import Supervisor
from storage.claiming.rescue import Rescuer
from storage.claims import Claims
from storage.db.database import Database
from storage.jobs.file_rows import unused_files
from storage.jobs.retention import Retention
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import WORKER, Waiter
from storage.open import (
    Store,
    data_dir_error,
    new_database,
    open_liveness,
    open_store,
    open_when_possible,
)
from storage.records.job import PASSING, StoreError
from storage.records.job_limits import WorkerLimits
from storage.settings.removed import warn_of_removed_settings
from storage.settings.stop_signals import StopSignals
from storage.telemetry.logs import exit_with, set_up_logs
from storage.telemetry.privileges import give_up_new_privileges
from storage.telemetry.service_manager import ServiceManager
from storage.telemetry.start_up import open_spans

log = logging.getLogger(__name__)

PROGRAM = "worker"
"""The name of this program in the log."""
WATCHDOG_SECONDS = 120.0
"""How long the main loop may stand still. Then the worker is ended, to be started again."""
JOB_NICE = 5
"""Niceness that jobs add to the worker's."""


def run_worker(settings: RunnerSettings, heartbeat: Heartbeat, signals: StopSignals) -> None:
    """Run a worker until a stop signal. Exits with a one-line message if it cannot start."""
    set_up_logs(settings.log_level, settings.log_format, PROGRAM)
    warn_of_removed_settings()
    give_up_new_privileges()
    processes.forbid_inspection()  # from the jobs, which run as the same user
    manager = ServiceManager()
    traces = AttemptSpans(open_spans(settings, "worker"))
    try:
        database = new_database(settings)
        used = settings, database, settings.lease_seconds
        liveness = open_when_possible(partial(open_liveness, *used), signals.received)
        run(settings, database, liveness, signals, heartbeat, traces, manager)
    except StoreError as error:
        signals.exit_if_received()
        exit_with(f"cannot start: {error}")
    except PoolError as error:
        exit_with(f"cannot run jobs: {error}")


def run(
    settings: RunnerSettings,
    database: Database,
    liveness: Liveness,
    signals: StopSignals,
    heartbeat: Heartbeat,
    traces: AttemptSpans,
    manager: ServiceManager,
) -> None:
    """Run jobs until a stop signal, then drain. Raises PoolError and StoreError."""
    with contextlib.ExitStack() as stack:
        stack.callback(heartbeat.stop)
        unregistered = stack.enter_context(contextlib.ExitStack())
        unregistered.callback(liveness.close)
        work_place = open_when_possible(partial(open_work_place, settings), signals.received)
        stack.callback(work_place.close)
        signals.exit_if_received()
        cgroups = job_cgroups(settings)
        used = settings, database.file, work_place
        access = open_when_possible(partial(job_access, *used), signals.received)
        given = settings, work_place, liveness, access, cgroups
        pool = open_when_possible(partial(start_pool, *given), signals.received)
        stack.callback(pool.close)  # in any case: a process with an open pool does not exit
        # Not before the job types are loaded: opening changes the schema of the database.
        signals.exit_if_received()
        store = open_store(settings, signals.received, database=database)
        signals.exit_if_received()
        claims = open_claims(settings, store, liveness, cgroups)
        unregistered.pop_all()
        waiter = stack.enter_context(contextlib.closing(store.wakeup.waiter(WORKER)))
        maintenance = open_maintenance(settings, store, liveness, traces, work_place)
        stack.callback(maintenance.close)
        supervisor = Supervisor(
            pool,
            RunningJobs(
                pool, store.uploads, stack.enter_context(storer(settings, store, work_place))
            ),
            claims,
            liveness,
            maintenance,
            traces,
            settings.drain_seconds,
        )
        run_loop(supervisor, waiter, signals, heartbeat, manager, settings.concurrency_limit)
    supervisor.settle_remaining()
    deregister(claims, liveness)
    store.close()
    traces.close()
    log.info("stopped", extra={"program": PROGRAM})


def start_pool(
    settings: RunnerSettings,
    work_place: RunnerFolder,
    liveness: Liveness,
    access: JobAccess,
    cgroups: JobCgroups | None,
) -> Pool:
    """Load the job types, and start the processes that run jobs. Raises PoolError, and StoreFull
    while /dev/shm, which the pool needs for its semaphores, is full."""
    try:
        pool = Pool(
            settings.concurrency_limit,
            entry_loader(settings, settings.job_type_sources),
            work_place,
            keep_fds=liveness.descriptors,
            limits=call_limits(settings, cgroups),
            watchdog=watchdog(settings),
            access=access,
        )
    except PoolError as error:
        if passing := PASSING.get(getattr(error.__cause__, "errno", 0)):
            raise passing(f"/dev/shm: {error}") from error
        raise
    for fields in pool.notes:
        log.warning("a job type does not work", extra=fields)
    return pool


def entry_loader(settings: RunnerSettings, sources: Sequence[str]) -> Callable[[], Entry]:
    """Return the function that loads job types from these sources, for a pool."""
    return partial(load, tuple(sources))


def open_work_place(settings: RunnerSettings) -> RunnerFolder:
    """Open the place where jobs get their work folders. Raises StoreError."""
    try:
        return RunnerFolder(settings.data_dir / "work")
    except OSError as error:
        raise data_dir_error(settings, error) from error


def watchdog(settings: RunnerSettings) -> WatchdogSettings:
    """Return how the worker is ended if its main loop hangs."""
    report = partial(report_hang, settings.log_level, settings.log_format)
    return WatchdogSettings(WATCHDOG_SECONDS, report)


def call_limits(settings: RunnerSettings, cgroups: JobCgroups | None = None) -> CallLimits:
    """Return the limits that the settings put on job processes."""
    job = JobLimits(
        settings.job_memory_bytes,
        settings.job_cpu_seconds,
        settings.job_folder_bytes or None,  # of one file, wherever it is
        settings.job_folder_bytes or None,
        settings.job_processes or None,
        JOB_NICE,
    )
    return CallLimits(
        env=tuple(settings.job_env_names),
        log_bytes=settings.log_bytes,
        job=job,
        cgroups=cgroups,
    )


def open_claims(
    settings: RunnerSettings, store: Store, liveness: Liveness, cgroups: JobCgroups | None
) -> Claims:
    """Return what claims the jobs of the worker's queues, within the worker's limits."""
    limits = WorkerLimits(
        settings.job_memory_bytes,
        settings.job_cpu_seconds,
        settings.log_bytes,
        JOB_NICE,
        cgroups is not None,
    )
    queues = settings.queue_names
    return Claims(store.database, store.wakeup, liveness, store.clock, queues, limits)


def open_maintenance(
    settings: RunnerSettings,
    store: Store,
    liveness: Liveness,
    traces: AttemptSpans,
    work_place: RunnerFolder,
) -> Maintenance:
    """Return what rescues, deletes and fires periodically, as the settings say."""
    rescuer = Rescuer(store.database, store.wakeup, liveness, backoff_ms, store.clock)
    retention = Retention(store.database, settings.retention_rules, settings.retention_ms)
    used = store, liveness, rescuer, traces, work_place, retention
    return Maintenance(*used, settings.audit_keep_ms, scheduled_backups(settings, store))


def scheduled_backups(settings: RunnerSettings, store: Store) -> ScheduledBackups | None:
    """Return what makes backups at an interval; None without BACKUP_TO."""
    if not settings.backup_to:
        return None
    seconds, keep = settings.backup_interval_seconds, settings.backup_keep
    plan = BackupPlan(settings.backup_to, seconds, keep)
    return ScheduledBackups(plan, store.database, store.clock)


@contextlib.contextmanager
def storer(
    settings: RunnerSettings, store: Store, work_place: RunnerFolder
) -> Iterator[FileStorer]:
    """Yield what stores the files that jobs leave, and close it."""
    artifacts = store.artifacts
    limits = FileLimits(
        total_bytes=settings.job_folder_bytes or None, file_bytes=artifacts.MAX_BYTES
    )
    find_unused = partial(unused_files, store.database)
    with contextlib.closing(FileStorer(artifacts, work_place, limits, find_unused)) as opened:
        yield opened


def run_loop(
    supervisor: Supervisor,
    waiter: Waiter,
    signals: StopSignals,
    heartbeat: Heartbeat,
    manager: ServiceManager,
    slots: int,
) -> None:
    """Run the main loop until the supervisor has drained; each stop signal calls `drain`."""
    while True:
        heartbeat.beat()
        manager.alive()
        supervisor.tick()
        if supervisor.is_registered:
            manager.ready(f"{slots} slot{'s' if slots > 1 else ''}")
        if supervisor.is_drained():
            return
        supervisor.wait(waiter, signals.fileno())
        for _ in range(signals.take()):
            manager.stopping("running jobs end or are released", supervisor.drain())


def deregister(claims: Claims, liveness: Liveness) -> None:
    """Remove the runner from the store; if that fails, a rescue by another runner does it later."""
    try:
        claims.deregister()
        liveness.close()
    except StoreError as error:
        log.warning("the store failed during shutdown", extra={"reason": str(error)})
