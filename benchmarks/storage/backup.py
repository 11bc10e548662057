"""Measures how much a backup slows submissions down, and how long a restore takes.

    python -m benchmarks.storage.backup [--postgresql] [--jobs 1000000] [--megabytes 1000]
        [--rate 100]

Fills a store with jobs and uploads. Then clients submit jobs at a steady rate over eight
connections, while a worker runs them: without a backup, during the first, without, and during the
second. At the end, the second backup is restored, and a listener started on it. Prints Markdown
tables. Needs three times the size of the store.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.jobs import percentile
from benchmarks.speed import ours
from benchmarks.storage.retention import submit
from benchmarks.storage.stored_jobs import fill
from storage.db.models import UploadRow
from tests.support.backups import store_upload
from tests.support.programs import Service, running_service
from tests.support.servers.postgres import running_server
from tests.support.stores import Bench, open_bench

UPLOAD_BYTES = 10_000_000
QUIET_SECONDS = 20.0
HEAD = """| during | seconds | submissions | median, ms | p99, ms | longest, ms | new bytes | WAL |
|---|---|---|---|---|---|---|---|
"""


@dataclass
class Phase:
    """A part of the run. `latencies` has the seconds of each submission, `added` the new bytes that
    the backup prints, and `wal` the largest size of the WAL in bytes."""

    what: str
    seconds: float
    latencies: list[float]
    added: str = ""
    wal: int = 0

    def row(self) -> str:
        times = (
            percentile(self.latencies, 0.5),
            percentile(self.latencies, 0.99),
            max(self.latencies),
        )
        shown = " | ".join(f"{1000 * each:.1f}" for each in times)
        count = len(self.latencies)
        wal = f"{self.wal / 1e6:.0f} MB" if self.wal else ""
        return f"| {self.what} | {self.seconds:.1f} | {count} | {shown} | {self.added} | {wal} |\n"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.backup")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--megabytes", type=int, default=1000, help="uploads")
    parser.add_argument("--rate", type=float, default=100.0, help="submissions a second")
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="job-service-", dir=os.environ.get("TMPDIR")) as name,
        _databases(options.postgresql, Path(name)) as (first, second),
    ):
        folder = Path(name)
        with open_bench(first, folder) as bench:
            fill(bench, options.jobs, {"succeeded": 70, "failed": 20, "canceled": 10})  # type: ignore[dict-item]
            add_uploads(bench, options.megabytes)
        os.sync()
        sys.stdout.write(HEAD)
        with running_service(first, folder, JOB_TYPES=ours.TYPES) as service:
            for number in (1, 2):
                sys.stdout.write(quiet(service, options.rate).row())
                sys.stdout.write(during_backup(service, folder, number, options.rate).row())
                sys.stdout.flush()
        restored(folder, second)


@contextmanager
def _databases(on_postgresql: bool, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the addresses of the database, and of the empty one into which it is restored."""
    if not on_postgresql:
        yield f"sqlite:///{folder / 'data/jobs.db'}", f"sqlite:///{folder / 'new/data/jobs.db'}"
        return
    with (
        running_server(synced=True) as server,
        server.new_database() as first,
        server.new_database() as second,
    ):
        yield first, second


def add_uploads(bench: Bench, megabytes: int) -> None:
    """Store uploads of random bytes."""
    uploads = [
        store_upload(bench, os.urandom(UPLOAD_BYTES), f"{number}.log")
        for number in range(max(1, megabytes * 10**6 // UPLOAD_BYTES))
    ]
    bench.store.database.run(UploadRow.insert_many([vars(each) for each in uploads]))


def quiet(service: Service, rate: float) -> Phase:
    """Submit jobs without a backup."""
    latencies = asyncio.run(submit(ours.port_of(service), rate, QUIET_SECONDS))
    return Phase("no backup", QUIET_SECONDS, latencies)


def during_backup(service: Service, folder: Path, number: int, rate: float) -> Phase:
    """Submit jobs from the begin of a backup to its end."""
    wal, largest, latencies = folder / "data/jobs.db-wal", 0, list[float]()
    environ = {**os.environ, **service.environ, "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "storage", "backup", "--to", str(folder / "backups")]
    began_at = time.monotonic()
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    with ThreadPoolExecutor(1) as thread:
        while process.poll() is None:
            some = thread.submit(asyncio.run, submit(ours.port_of(service), rate, 1.0))
            latencies += some.result()
            largest = max(largest, wal.stat().st_size if wal.exists() else 0)
    took = time.monotonic() - began_at
    assert process.stdout
    printed = process.stdout.read()
    added = printed.partition("; ")[2].partition(" were new")[0]
    return Phase(f"backup {number}", took, latencies, added, largest)


def restored(folder: Path, url: str) -> None:
    """Restore into a database, start a listener, and print the seconds until both."""
    given = {"DATA_DIR": str(folder / "new/data"), "DATABASE_URL": url, "LOG_LEVEL": "WARNING"}
    environ = {**os.environ, **given}
    command = [sys.executable, "-m", "storage", "restore", "--from", str(folder / "backups")]
    began_at = time.monotonic()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - began_at
    with running_service(url, folder / "new", JOB_TYPES=ours.TYPES) as service:
        with urllib.request.urlopen(f"{service.base_url}/jobs?limit=1", timeout=30) as answer:
            assert answer.status == 200
        first = time.monotonic() - began_at
    sys.stdout.write(f"\nrestored in {took:.1f} s, first answer after {first:.1f} s\n")


if __name__ == "__main__":
    main()
