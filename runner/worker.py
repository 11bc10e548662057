"""A worker put together: opens the store, runs jobs until it is told to stop."""

import contextlib
import logging
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

from runner.pool.job_process import entry
from runner.pool.linux import processes
from runner.pool.linux.limits import JobLimits
from runner.pool.linux.work_folders import WorkPlace
from runner.pool.pool import Pool, PoolError
from runner.pool.protocol.setup import CallLimits
from runner.supervisor.heartbeat import Heartbeat
from runner.supervisor.maintenance import Maintenance
from runner.supervisor.running_jobs import RunningJobs
from runner.supervisor.settle import backoff_ms
from runner.supervisor.spans import AttemptSpans
from runner.supervisor.supervisor import Supervisor
from storage.claiming.rescue import Rescuer
from storage.claims import Claims
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import WORKER, Waiter
from storage.open import Store, open_store
from storage.records.job import StoreError
from storage.telemetry.logs import set_up_logs
from storage.telemetry.tracing import TracingError, open_spans

if TYPE_CHECKING:
    from runner.config import RunnerSettings

log = logging.getLogger(__name__)


def work(settings: "RunnerSettings", heartbeat: Heartbeat) -> None:
    """Run a worker until a stop signal. Exits with one line where it cannot."""
    set_up_logs(settings.log_level, settings.log_format, "worker")
    signals = StopSignals()
    processes.hide()  # from its jobs, which run as the same user
    try:
        traces = AttemptSpans(open_spans(settings, "worker"))
        store = open_store(settings, give_up=signals.came)
    except (StoreError, TracingError) as error:
        sys.exit(f"cannot start: {error}")
    try:
        run(settings, store, signals, heartbeat, traces)
    except PoolError as error:
        sys.exit(f"cannot run jobs: {error}")


def run(
    settings: "RunnerSettings",
    store: Store,
    signals: "StopSignals",
    heartbeat: Heartbeat,
    traces: AttemptSpans,
) -> None:
    """Run jobs until a stop signal, then drain. Raises PoolError."""
    liveness = store.liveness(settings.lease_seconds)
    queues = settings.queue_names
    claims = Claims(store.database, store.wakeup, liveness, store.clock, queues)
    work = work_place(settings)
    packages = tuple(settings.job_type_packages)
    with contextlib.ExitStack() as held:
        held.callback(heartbeat.stop)
        held.callback(work.close)
        pool = Pool(
            settings.concurrency_limit,
            partial(entry.load, packages, settings.max_data_bytes, settings.max_data_ratio),
            work,
            keep_fds=liveness.descriptors,
            limits=limits_of(settings),
        )
        held.callback(pool.close)  # whatever happens: a process that has a pool does not end
        waiter = store.wakeup.waiter(WORKER)
        held.callback(waiter.close)
        rescuer = Rescuer(store.database, store.wakeup, liveness, backoff_ms, store.clock)
        traces.follow(claims.settled, rescuer.settled)
        upkeep = Maintenance(store, liveness, rescuer, work, settings.retention_seconds)
        held.callback(upkeep.close)
        supervisor = Supervisor(
            pool,
            RunningJobs(pool, store.uploads),
            claims,
            liveness,
            upkeep,
            settings.drain_seconds,
            settings.parts_bytes,
        )
        turn_until_done(supervisor, waiter, signals, heartbeat)
    supervisor.settle_last()
    sign_off(claims, liveness)
    store.close()
    traces.close()
    log.info("stopped")


def work_place(settings: "RunnerSettings") -> WorkPlace:
    """Where jobs get their folders. Raises PoolError."""
    try:
        return WorkPlace(settings.data_dir / "work")
    except OSError as error:
        raise PoolError(f"there is no place for their folders: {error}") from error


def limits_of(settings: "RunnerSettings") -> CallLimits:
    """What the settings say of job processes."""
    job = JobLimits(
        settings.job_memory_bytes,
        settings.job_cpu_seconds,
        settings.job_open_files,
        settings.job_file_bytes or None,
        settings.job_folder_bytes or None,
        settings.job_processes or None,
        settings.job_nice,
    )
    env = tuple(settings.job_env_names)
    return CallLimits(settings.jobs_per_process, env=env, log_bytes=settings.log_bytes, job=job)


def turn_until_done(
    supervisor: Supervisor, waiter: Waiter, signals: "StopSignals", heartbeat: Heartbeat
) -> None:
    """The loop itself."""
    while True:
        heartbeat.beat()
        supervisor.tick()
        if supervisor.done():
            return
        supervisor.wait(waiter, signals.fileno())
        for _ in range(signals.take()):
            supervisor.drain()


def sign_off(claims: Claims, liveness: Liveness) -> None:
    """Leave no trace of the runner; one that cannot be removed now is, by another's rescue."""
    try:
        claims.deregister()
        liveness.close()
    except StoreError as error:
        log.warning("the store failed at the end", extra={"reason": str(error)})


class StopSignals:
    """SIGTERM and SIGINT, noted by a handler that does nothing else."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)
        self._count = 0

    def fileno(self) -> int:
        """Readable once a signal has come that was not taken."""
        return self._read

    def came(self) -> bool:
        """Whether a signal has come that was not taken."""
        return self._count > 0

    def take(self) -> int:
        """How many signals have come since last asked."""
        count, self._count = self._count, 0
        if count:
            os.read(self._read, 4096)
        return count

    def _note(self, number: int, frame: object) -> None:
        self._count += 1
        os.write(self._write, b"s")
