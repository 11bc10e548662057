"""How fast an idle worker deletes expired jobs, and how much that delays submissions, on SQLite.

    python -m benchmarks.storage.retention [--expired 60000] [--rate 200] [--seconds 8]

Fills a store with expired jobs. Then clients submit jobs at a steady rate over eight connections:
once while the worker keeps the expired jobs, and once while it deletes them. Prints a Markdown
table.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peewee as pw

from benchmarks.http_client import Connection, connect
from benchmarks.jobs import percentile
from benchmarks.speed import ours
from storage.claims import Claims
from storage.db.models import JobRow
from storage.open import Store, open_store
from storage.records.job import NewJob
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.claims_in_steps import completed
from tests.support.programs import running_service

CONNECTIONS = 8
AGE_SECONDS = 3600
"""The age of the expired jobs."""
BATCH = 1000
HEAD = """| expired jobs are | deleted a second | submissions | median, ms | p99, ms | longest, ms |
|---|---|---|---|---|---|
"""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.retention")
    parser.add_argument("--expired", type=int, default=60_000)
    parser.add_argument("--rate", type=float, default=200.0, help="submissions a second")
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    sys.stdout.write(HEAD)
    with tempfile.TemporaryDirectory(prefix="job-service-") as name:
        filled = Path(name) / "filled"
        fill(filled, options.expired)
        for what, retention in (("kept", 10 * AGE_SECONDS), ("deleted", AGE_SECONDS // 2)):
            folder = Path(name) / what
            shutil.copytree(filled, folder / "data")
            row = measure(folder, retention, options.rate, options.seconds)
            sys.stdout.write(f"| {what} | {row} |\n")


def fill(folder: Path, count: int) -> None:
    """Make a store with jobs that ended some time ago."""
    with opened(folder) as store:
        clock = lambda: store.clock() - AGE_SECONDS * 1000  # noqa: E731
        jobs, liveness = JobStore(store.database, store.wakeup, clock), store.liveness(30)
        claims = Claims(store.database, store.wakeup, liveness, clock)
        claims.register(BATCH)
        for _ in range(0, count, BATCH):
            jobs.enqueue([NewJob("noop", {}) for _ in range(BATCH)])
            held = claims.settle_and_claim(limit=BATCH).jobs.jobs()
            claims.settle_and_claim([completed(job.fence) for job in held])
        claims.deregister()
        liveness.close()


def measure(folder: Path, retention: int, rate: float, seconds: float) -> str:
    """Submit jobs, and return the cells of a row."""
    environ = {"JOB_TYPES": ours.TYPES, "RETENTION_SECONDS": str(retention)}
    before = count_jobs(folder / "data")
    with running_service("", folder, **environ) as running:
        running.worker()
        began_at = time.monotonic()
        latencies = asyncio.run(submit(ours.port_of(running), rate, seconds))
        took = time.monotonic() - began_at
    deleted = before + len(latencies) - count_jobs(folder / "data")
    times = [percentile(latencies, 0.5), percentile(latencies, 0.99), max(latencies)]
    milliseconds = " | ".join(f"{1000 * each:.1f}" for each in times)
    return f"{deleted / took:,.0f} | {len(latencies)} | {milliseconds}"


async def submit(port: int, rate: float, seconds: float) -> list[float]:
    """Submit jobs, each when it is due; return the seconds that each took."""
    connections = [await connect(port) for _ in range(CONNECTIONS)]
    numbers, began_at = iter(range(round(rate * seconds))), time.monotonic()
    latencies = list[float]()

    async def send_over(connection: Connection) -> None:
        for number in numbers:
            await asyncio.sleep(max(0.0, began_at + number / rate - time.monotonic()))
            sent_at = time.monotonic()
            answer = await connection.ask(ours.SUBMIT)
            latencies.append(time.monotonic() - sent_at)
            if not answer.startswith(b"HTTP/1.1 202 "):
                raise SystemExit(f"not accepted: {answer[:500]!r}")

    await asyncio.gather(*map(send_over, connections))
    for connection in connections:
        connection.close()
    return latencies


def count_jobs(folder: Path) -> int:
    """The number of jobs in a store."""
    with opened(folder) as store:
        count = JobRow.select(pw.fn.COUNT(JobRow.id).alias("count"))
        return int(store.database.rows(count)[0]["count"])


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Open a store, and close it at the end."""
    store = open_store(Settings.read({"DATA_DIR": str(folder)}))
    try:
        yield store
    finally:
        store.close()


if __name__ == "__main__":
    main()
