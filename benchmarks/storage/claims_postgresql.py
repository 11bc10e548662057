"""How fast many runners claim and finish jobs on one PostgreSQL, and whether each is claimed once.

    python -m benchmarks.storage.claims_postgresql [--processes 8] [--jobs 100000]
        [--batches 1,10,50] [--rate-jobs 4000] [--kept 0] [--idle-transaction] [--url URL]

Each process is a runner with one connection. Like the worker's loop, it settles its claimed jobs
and claims the next ones in one transaction; it does not run them. `--kept` is the number of final
jobs that are stored before. Without a URL, it starts a PostgreSQL server, which syncs each commit.
"""

import argparse
import contextlib
import multiprocessing
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from uuid import UUID

import psycopg

from benchmarks.jobs import percentile
from storage.claims import Claims
from storage.open import Store, open_store
from storage.records.job import Job, NewJob
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.claims_in_steps import completed
from tests.support.servers import postgres

RESULT = '{"slept_seconds": 0}'
STORED = 500
"""Jobs stored in one transaction; also claimed at once to finish the kept ones."""


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.claims_postgresql")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--batches", default="1,10,50")
    parser.add_argument("--rate-jobs", type=int, default=4000, help="for a batch of 1; others more")
    parser.add_argument("--kept", type=int, default=0)
    parser.add_argument("--idle-transaction", action="store_true")
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    with contextlib.ExitStack() as held:
        url = options.url or held.enter_context(postgres.synced_database())
        bench = held.enter_context(Bench.opened(url, options.processes))
        bench.fill(options.kept)
        bench.drain(STORED)
        if options.idle_transaction:
            idle = held.enter_context(psycopg.connect(url))
            idle.execute("SELECT pg_current_xact_id()")
        say("|batch|jobs|seconds|jobs/s|turn ms, median|turn ms, p99|claimed twice|")
        say("|batch|jobs|seconds|jobs/s|transaction ms, median|transaction ms, p99|claimed twice|")
        for batch in map(int, options.batches.split(",")):
            say(bench.measured(options.rate_jobs * min(batch, 10), batch))
        say(bench.measured(options.jobs, 50))
        say(bench.table_statistics())


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


class Bench:
    """A store, and the processes that claim from it."""

    def __init__(self, url: str, folder: Path, processes: int):
        self._url = url
        self._folder = folder
        self._processes = processes
        self._store = opened(url, folder)
        self._jobs = JobStore(self._store.database, self._store.wakeup, self._store.clock)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, url: str, processes: int) -> "Iterator[Bench]":
        """Open a store in a temporary folder, and close it at the end."""
        with tempfile.TemporaryDirectory(prefix="job-service-") as folder:
            bench = cls(url, Path(folder), processes)
            yield bench
            bench._store.close()

    def fill(self, count: int) -> None:
        """Enqueue `count` jobs."""
        for _ in range(count // STORED):
            self._jobs.enqueue([NewJob("sleep", {"seconds": 0}) for _ in range(STORED)])

    def drain(self, batch: int) -> tuple[list[UUID], list[float], float]:
        """Claim and finish all jobs; return the claimed ids, seconds of transactions, seconds."""
        spawn = multiprocessing.get_context("spawn")
        with spawn.Manager() as manager:
            barrier = manager.Barrier(self._processes)
            with ProcessPoolExecutor(self._processes, spawn) as pool:
                calls = [
                    pool.submit(claim_all, self._url, self._folder / str(n), batch, barrier)
                    for n in range(self._processes)
                ]
                found = [call.result() for call in calls]
        ids = [job_id for mine, _, _ in found for job_id in mine]
        times = [seconds for _, mine, _ in found for seconds in mine]
        return ids, times, max(seconds for _, _, seconds in found)

    def measured(self, count: int, batch: int) -> str:
        """Claim and finish `count` new jobs, and return a row of the table."""
        self.fill(count)
        ids, times, seconds = self.drain(batch)
        twice = len(ids) - len(Counter(ids))
        milliseconds = [f"{1000 * percentile(times, share):.2f}" for share in (0.5, 0.99)]
        cells = [batch, len(ids), f"{seconds:.2f}", round(len(ids) / seconds), *milliseconds, twice]
        return f"|{'|'.join(map(str, cells))}|"

    def table_statistics(self) -> str:
        """PostgreSQL's statistics about dead rows and vacuums, as a table."""
        rows = self._store.database.engine.execute_sql(
            "SELECT relname, n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd, autovacuum_count"
            " FROM pg_stat_user_tables WHERE n_tup_ins > 0 ORDER BY relname"
        ).fetchall()
        head = "\n|table|rows|dead|updates|of them HOT|autovacuums|\n|---|---|---|---|---|---|\n"
        return head + "\n".join(f"|{'|'.join(map(str, row))}|" for row in rows)


def opened(url: str, folder: Path) -> Store:
    """Open the store as a program does."""
    return open_store(Settings.read({"DATA_DIR": str(folder), "DATABASE_URL": url}))


def claim_all(
    url: str, folder: Path, batch: int, barrier: threading.Barrier
) -> tuple[list[UUID], list[float], float]:
    """Be a runner until no job is left. The barrier lets all processes begin at the same time."""
    store = opened(url, folder)
    liveness = store.liveness(30)
    claims = Claims(store.database, store.wakeup, liveness, store.clock)
    claims.register(batch)
    barrier.wait()
    ids, times, jobs = list[UUID](), list[float](), list[Job]()
    began_at = time.perf_counter()
    while True:
        transaction_at = time.perf_counter()
        ends = [completed(job.fence, RESULT) for job in jobs]
        claimed = claims.settle_and_claim(ends, limit=batch)
        if not all(claimed.accepted):
            raise SystemExit("a job was not settled by the runner that has claimed it")
        jobs = claimed.jobs.jobs()
        claims.wake(claimed)
        ids += [job.id for job in jobs]
        times.append(time.perf_counter() - transaction_at)
        if not jobs and claims.seconds_to_next() is None:
            break
        liveness.renew()
    seconds = time.perf_counter() - began_at
    store.close()
    return ids, times, seconds


if __name__ == "__main__":
    main()
