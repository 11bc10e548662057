"""Real stores on either database for tests, with a clock that tests set."""

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import peewee as pw

from storage.claiming.rescue import Rescuer
from storage.db.database import Database
from storage.db.models import CallbackRow, RunnerRow
from storage.files.folder import FolderUploads
from storage.jobs.queues import Queues
from storage.liveness.liveness import FileLiveness, Liveness
from storage.open import Store, open_store
from storage.records.job import Fence, Job, NewJob
from storage.records.job_limits import WorkerLimits
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.claims_in_steps import CANCELED, RAISED, RETURNED, ClaimsInSteps

__all__ = ["CANCELED", "RAISED", "RETURNED"]

T = TypeVar("T")


@dataclass
class Clock:
    """A clock in milliseconds since 1970 that stands still until a test moves it."""

    now: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


@dataclass
class Bench:
    """A store, and the objects that a listener and a runner would use with it."""

    store: Store
    clock: Clock
    jobs: JobStore
    runners: list["Holder"] = field(default_factory=list)

    def runner(
        self, queues: Collection[str] | None = None, limits: WorkerLimits | None = None
    ) -> "Holder":
        """Register a new runner with a lease of 30 s, which takes jobs from these queues (None:
        all) within these limits (None: as a runner of an earlier release)."""
        holder = Holder(self, self.store.liveness(30), queues, limits)
        self.runners.append(holder)
        return holder

    def enqueue(self, type: str = "sleep", **options: Any) -> UUID:
        """Store a new job; return its id."""
        payload = options.pop("payload", {"seconds": 1})
        (job_id,) = self.jobs.enqueue([NewJob(type, payload, **options)])
        assert isinstance(job_id, UUID)
        return job_id

    @property
    def queues(self) -> Queues:
        """The queues of the store."""
        return Queues(self.store.database, self.store.wakeup, self.clock)

    def elsewhere(self, change: Callable[[], T]) -> T:
        """Run a function in another thread, with a connection of its own; return its result."""

        def run_and_disconnect() -> T:
            try:
                return change()
            finally:
                self.store.database.engine.close()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(run_and_disconnect).result(20)

    def job(self, job_id: UUID) -> Job:
        """Return a job, which must exist."""
        job = self.jobs.get(job_id)
        assert job is not None
        return job


class Holder:
    """A registered runner without a process: it can claim, hold and end jobs."""

    def __init__(
        self,
        bench: Bench,
        liveness: Liveness,
        queues: Collection[str] | None,
        limits: WorkerLimits | None = None,
    ):
        store = bench.store
        self.liveness = liveness
        self.claims = ClaimsInSteps(
            store.database, store.wakeup, liveness, bench.clock, queues, limits
        )
        self.rescuer = Rescuer(
            store.database, store.wakeup, liveness, lambda retries: 1000 * retries, bench.clock
        )
        self.claims.register(slots=3)

    def claim_one(self) -> Fence:
        """Claim the only job that is due."""
        (job,) = self.claims.claim(1)
        return job.fence


def die(bench: Bench, runner: Holder) -> None:
    """End a runner as if it had been killed, so that the store is not told."""
    if isinstance(runner.liveness, FileLiveness):
        bench.runners.remove(runner)
        os.close(runner.liveness.descriptors[0])
        if runner.liveness._close_watch:
            runner.liveness._close_watch.close()
    else:
        past = RunnerRow.update(lease_expires_at=pw.SQL("lease_expires_at - 60000"))
        bench.store.database.run(past.where(RunnerRow.name == runner.liveness.name))


def pending_callbacks(database: Database) -> set[UUID]:
    """The ids of all jobs in the outbox of callbacks."""
    return {row["job_id"] for row in database.rows(CallbackRow.select(CallbackRow.job_id))}


def id_at(ms: int, number: int = 0) -> UUID:
    """A job id with this time."""
    return UUID(int=ms << 80 | 7 << 76 | 2 << 62 | number)


def folder_of(store: Store) -> FolderUploads:
    """The uploads of a store that keeps them in a folder."""
    assert isinstance(store.uploads, FolderUploads)
    return store.uploads


def upload_files(folder: Path) -> list[Path]:
    """All files of uploads, complete or not: all but `store.json`, which stands beside them."""
    return [path for path in folder.glob("*/**/*") if path.is_file()]


@contextmanager
def open_bench(database_url: str, folder: Path, **environ: str) -> Iterator[Bench]:
    """Yield a new store. Closes it at the end with all its runners."""
    given = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": database_url}
    settings = Settings.read(given | environ)
    store = open_store(settings, timeout=5)
    clock = Clock()
    bench = Bench(store, clock, JobStore(store.database, store.wakeup, clock))
    try:
        yield bench
    finally:
        for holder in bench.runners:
            holder.liveness.close()
        store.close()
