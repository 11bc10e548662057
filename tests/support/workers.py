"""A worker in the process of a test: a real pool on a real store."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from runner.files.folder import FileLimits
from runner.job_types.registry import loader as job_types
from runner.pool.linux.landlock import JobAccess
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import Pool
from runner.pool.protocol.setup import CallLimits, JobLimits
from runner.supervisor.backoff import backoff_ms
from runner.supervisor.file_storer import FileStorer
from runner.supervisor.maintenance import Maintenance
from runner.supervisor.running_jobs import RunningJobs
from runner.supervisor.spans import AttemptSpans
from runner.supervisor.supervisor import Supervisor
from storage.claiming.rescue import Rescuer
from storage.claims import Claims
from storage.files.folder import FILES
from storage.jobs.file_rows import unused_files
from storage.jobs.retention import Retention
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import WORKER
from storage.open import Store, open_store
from storage.records.job import Attempt, Job, NewJob
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.claims_in_steps import ClaimsInSteps
from tests.support.waiting import wait_for

TYPES = (
    "runner.job_types",
    "tests.support.job_types.behaviours",
    "tests.support.job_types.scripts",
)

_FILES = FileLimits()


class Worker:
    """A worker with some slots, and a `JobStore` to submit and read jobs."""

    def __init__(self, store: Store, job: JobLimits, size: int, files: FileLimits):
        self.store = store
        self.jobs = JobStore(store.database, store.wakeup, store.clock)
        self._liveness = liveness = store.liveness(30)
        self.claims = Claims(store.database, store.wakeup, liveness, store.clock)
        load = partial(job_types.load, TYPES)
        self._work = work = RunnerFolder(store.settings.data_dir / "work")
        folder = store.uploads.folder
        shared = str(folder.absolute() / FILES) if folder else None
        self.pool = Pool(
            size,
            load,
            work,
            keep_fds=liveness.descriptors,
            limits=CallLimits(job=job),
            access=JobAccess((), shared, write=("/",)),
        )
        self._waiter = store.wakeup.waiter(WORKER)
        spans = AttemptSpans(None)
        rescuer = Rescuer(store.database, store.wakeup, liveness, backoff_ms, store.clock)
        kept = Retention(store.database, (), 3_600_000)
        self._maintenance = maintenance = Maintenance(store, liveness, rescuer, spans, work, kept)
        find_unused = partial(unused_files, store.database)
        self.storer = FileStorer(store.artifacts, work, files, find_unused)
        running_jobs = RunningJobs(self.pool, store.uploads, self.storer)
        used = self.pool, running_jobs, self.claims, liveness, maintenance, spans
        self.supervisor = Supervisor(*used, drain_seconds=0.0)

    def enqueue(self, type: str = "sleep", **options: Any) -> UUID:
        """Store a new job; return its id."""
        payload = options.pop("payload", {"seconds": 60})
        (job_id,) = self.jobs.enqueue([NewJob(type, payload, **options)])
        assert isinstance(job_id, UUID)
        return job_id

    def job(self, job_id: UUID) -> Job:
        """Return a job, which must exist."""
        job = self.jobs.get(job_id)
        assert job is not None
        return job

    def turn_until(self, condition: Callable[[], Any], timeout: float = 45) -> None:
        """Run the worker's loop until the condition is true."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not after {timeout} s"
            self.supervisor.tick()
            if not condition():
                self.wake()

    def wake(self) -> None:
        """Wait until something wakes the worker's loop."""
        self.supervisor.wait(self._waiter, -1)

    def started(self, job_id: UUID) -> int:
        """Run the worker until a job has a process; return its process id."""
        call_id = f"{job_id}/1"
        self.turn_until(lambda: self.job(job_id).status == "running")
        wait_for(lambda: call_id in self.pool.pids())  # the start of a call sends no wake-up
        return self.pool.pids()[call_id]

    def ended(self, job_id: UUID) -> tuple[Job, Attempt]:
        """Run the worker until the newest attempt of a job has ended; return the job and the
        attempt."""
        self.turn_until(lambda: self.job(job_id).status != "running" and self.job(job_id).attempts)
        job = self.job(job_id)
        return job, job.attempts[-1]

    def close(self) -> None:
        """Stop the worker as its program does."""
        self.supervisor.drain()
        self.pool.close()
        self._maintenance.close()
        self._work.close()
        self.supervisor.settle_remaining()
        self.storer.close()
        self._waiter.close()
        self.claims.deregister()
        self._liveness.close()


def another_runner(store: Store, liveness: Liveness) -> ClaimsInSteps:
    """Register another runner with one slot; return its claims."""
    claims = ClaimsInSteps(store.database, store.wakeup, liveness, store.clock)
    claims.register(1)
    return claims


@contextmanager
def open_worker(
    database_url: str,
    folder: Path,
    job: JobLimits | None = None,
    size: int = 2,
    environ: Mapping[str, str] | None = None,
    files: FileLimits = _FILES,
) -> Iterator[Worker]:
    """Yield a worker on a new store."""
    given = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": database_url}
    settings = Settings.read(given | dict(environ or {}))
    store = open_store(settings, timeout=5)
    worker = Worker(store, job or JobLimits(), size, files)
    try:
        yield worker
    finally:
        worker.close()
        store.close()
