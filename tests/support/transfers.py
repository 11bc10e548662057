"""Helpers for tests of a transfer: a store with every kind of row, and the command."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from uuid import UUID

import psycopg

from storage.db.database import Database, open_engine
from storage.db.models import CounterRow, JobRow
from storage.db.schema.transfer_checkpoint import read_checkpoint
from storage.jobs.events import Events
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.jobs.pattern_sets import PatternSets
from storage.queries import history
from storage.records.audit import Actor
from storage.records.job import Job, NewJob
from tests.support.job_files import complete_with_files
from tests.support.stores import RAISED, RETURNED, Bench, Holder, open_bench
from tests.support.waiting import wait_for
from tests.support.warm_start import run_program

FILE = b"ERROR one\n" * 1000


@dataclass
class TransferSetup:
    """The URLs of source and target, and the DATA_DIR of the programs on each."""

    source: str
    target: str
    folder: Path

    @property
    def data_dir(self) -> Path:
        """DATA_DIR of the programs on the source."""
        return self.folder / "source" / "data"

    @property
    def new_data_dir(self) -> Path:
        """DATA_DIR of the programs on the target."""
        return self.folder / "target" / "data"

    def start(self, *options: str, **environ: str) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "storage", "transfer", *self._places(), *options],
            env={**os.environ, "LOG_LEVEL": "WARNING", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *options: str) -> tuple[int, str]:
        """Run the command; return its exit code and its output."""
        given = [*self._places(), *options]
        ended = run_program("storage", "transfer", *given, LOG_LEVEL="WARNING")
        return ended.returncode, ended.stderr + ended.stdout

    def _places(self) -> list[str]:
        return ["--from", self.source, "--to", self.target, "--data-dir", str(self.data_dir)]

    @contextmanager
    def open_source(self) -> Iterator[Bench]:
        """Open the source as programs do."""
        with open_bench(self.source, self.data_dir.parent) as bench:
            yield bench

    @contextmanager
    def open_target(self) -> Iterator[Bench]:
        """Open the target as programs do."""
        with open_bench(self.target, self.new_data_dir.parent) as bench:
            yield bench


@dataclass
class Content:
    """The content of a store."""

    jobs: Mapping[UUID, Job]
    events: Mapping[UUID, Any]
    files: Mapping[UUID, Any]
    output: list[Any]
    counters: list[Any]
    version: int


def content_of(bench: Bench) -> Content:
    """Read the content of a store."""
    database, events = bench.store.database, Events(bench.store.database)
    ids = [row["id"] for row in database.rows(JobRow.select(JobRow.id).order_by(JobRow.id))]
    return Content(
        {id: bench.job(id) for id in ids},
        {id: events.of_job(id, 0) for id in ids},
        {id: bench.jobs.files(id) for id in ids},
        [events.outputs.of_job(id, 0) for id in ids],
        sorted(
            (row for row in database.rows(CounterRow.select()) if "store id" not in row["name"]),
            key=lambda row: (row["type"], row["name"]),
        ),
        events.newest(),
    )


def fill_store(bench: Bench) -> dict[str, UUID]:
    """Store jobs of every kind with all rows that can belong to them; return their ids by kind."""
    holder, url = bench.runner(), "http://127.0.0.1/callback"
    writer = bench.store.uploads.writer()
    writer.write(FILE)
    upload = writer.finish("überall.log", hashlib.sha256(FILE).hexdigest())
    ids = {"failed": bench.enqueue("analyze", upload=upload, max_retries=0, callback_url=url)}
    fence = holder.claim_one()
    holder.claims.store_output(fence, [(0, b"line\n\xff\x00"), (7, b"more")], 1 << 16)
    holder.claims.progress(fence, '{"lines":1}')
    holder.claims.fail(fence, RAISED)
    ids["done"] = bench.enqueue("analyze", source=ids["failed"], payload={"ä": "\0'\\☃"})
    ended = RETURNED._replace(cpu_seconds=0.1, peak_memory_bytes=1 << 33, pid=4711)
    holder.claims.retry(holder.claim_one(), RAISED._replace(traceback="line 1\nä"), 0)
    holder.claims.complete(holder.claim_one(), '{"x":1e-7}', ended)
    keyed = KeyedJob(
        "a key", "its print", NewJob("sleep", {"seconds": 1}, timeout=1.5, priority=-5)
    )
    kept = bench.jobs.enqueue_once([keyed])
    assert isinstance(kept[0], StoredKey)
    ids["keyed"] = kept[0].job_id
    ids["canceled"] = bench.enqueue(submitted_by="ci")
    bench.jobs.cancel(ids["canceled"], by="ops", actor=Actor("ops", "::1"))
    history.record_moment(bench.store.database, bench.clock())
    sets = PatternSets(bench.store.database, bench.clock)
    sets.put(
        "shop", ["ä", {"pattern": "'\\☃", "word": True}], "für alle", "ann", lambda saved: None
    )
    ids["with files"] = _job_with_files(bench, holder)
    ids["running"] = bench.enqueue(priority=50)
    fence = holder.claim_one()
    assert fence.job_id == ids["running"]
    return ids


def _job_with_files(bench: Bench, holder: Holder) -> UUID:
    bench.enqueue(priority=51)
    return complete_with_files(bench, holder, {"b/c": b"", "ä.txt": FILE})


def enqueue_many(bench: Bench, count: int) -> None:
    """Store `count` queued jobs."""
    bench.jobs.enqueue([NewJob("sleep", {"seconds": number}) for number in range(count)])


def wait_until_copying(url: str, rows: int, process: subprocess.Popen[str]) -> None:
    """Wait until a running transfer has stored about `rows` jobs, or has ended."""
    has_copied = _has_written if urlparse(url).scheme == "sqlite" else _has_jobs
    wait_for(lambda: process.poll() is not None or has_copied(url, rows), 30)


def _has_written(url: str, rows: int) -> bool:
    """The file is locked, but its WAL grows with each commit, here of two rows."""
    wal = Path(f"{urlparse(url).path[1:]}-wal")
    return wal.exists() and wal.stat().st_size > 9000 * rows


def _has_jobs(url: str, rows: int) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        there = connection.execute("SELECT to_regclass('move') IS NOT NULL").fetchone()
        if not there or not there[0]:
            return False
        found = connection.execute("SELECT COUNT(*) FROM job").fetchone()
        return bool(found and found[0] >= rows)


def is_unfinished(url: str) -> bool:
    """Whether a target has an unfinished transfer."""
    database = Database(open_engine(url))
    checkpoint = read_checkpoint(database)
    database.close()
    return checkpoint is not None and checkpoint["finished_at"] is None
