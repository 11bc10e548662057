"""The cost and the gain of a partition for the jobs of each day.

    python -m benchmarks.storage.partitions [--days 1,10,30] [--kept 10000] [--jobs 5000]

Starts a PostgreSQL server, which syncs each commit. For each number of days, it recreates `job` as
a table with as many partitions by id, with all indexes and triggers, and with `--kept` final jobs
in each. Then one runner claims and finishes `--jobs` queued jobs, 1 and 50 at a time. 0 days stands
for the ordinary table with the jobs of one day. At last, all jobs of the oldest day are removed: by
retention, and by dropping the partition.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.storage.claims_postgresql import RESULT, STORED, opened, say
from storage.claims import Claims
from storage.jobs.retention import Retention
from storage.open import Store
from storage.records.job import Job, NewJob
from storage.store import JobStore
from tests.support.claims_in_steps import completed
from tests.support.servers.postgres import synced_database
from tests.support.stores import id_at

HEAD = "|days|batch|jobs/s|transaction ms, median|remove a day by DELETE, ms|by DROP, ms|"
MAKE = """
CREATE TABLE made (LIKE job INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
DROP TABLE job CASCADE;
ALTER TABLE made RENAME TO job;
ALTER TABLE job ADD PRIMARY KEY (id)
"""
FILL = """
INSERT INTO job (id, type, status, payload, attempt, retry_count, max_retries, priority,
    created_at, run_at, started_at, finished_at, version, client_retries)
SELECT (lpad(to_hex(%(ms)s + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || 'a' ||
    substr(md5(n::text), 4, 15))::uuid, 'sleep', 'succeeded', '{}', 1, 0, 0, 0,
    %(ms)s + n, %(ms)s + n, %(ms)s + n, %(ms)s + n, -%(ms)s - n, 0
FROM generate_series(1, %(count)s) AS n
"""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.partitions")
    parser.add_argument("--days", default="0,1,10,30")
    parser.add_argument("--kept", type=int, default=10_000, help="final jobs of a day")
    parser.add_argument("--jobs", type=int, default=5000, help="for each row of the table")
    options = parser.parse_args()
    say(HEAD)
    say("|---|---|---|---|---|---|")
    for days in map(int, options.days.split(",")):
        with store_of_days(days, options.kept) as (store, url):
            rows = [measured(store, batch, options.jobs) for batch in (1, 50)]
            oldest = day_before(max(days, 1) - 1)
            removal = [f"{1000 * deleted(store, oldest):.0f}", "-"]
            if days:
                removal[1] = f"{1000 * dropped(url, days - 1):.0f}"
        for row in rows:
            say(f"|{'|'.join(map(str, [days, *row, *removal]))}|")


@contextlib.contextmanager
def store_of_days(days: int, kept: int) -> Iterator[tuple[Store, str]]:
    """A store with a partition for each day, and its URL."""
    with synced_database() as url, tempfile.TemporaryDirectory(prefix="job-service-") as folder:
        store = opened(url, Path(folder))
        with psycopg.connect(url, autocommit=True) as connection:
            if days:
                divide(connection, days)
            connection.execute("ALTER TABLE job DISABLE TRIGGER USER")
            for day in range(max(days, 1)):
                ms = round(1000 * day_before(day).timestamp())
                connection.execute(FILL, {"ms": ms, "count": kept})
            connection.execute("ALTER TABLE job ENABLE TRIGGER USER")
            connection.execute("VACUUM ANALYZE")
        yield store, url
        store.close()


def divide(connection: psycopg.Connection[Any], days: int) -> None:
    """Recreate the empty job table with a partition for each day."""
    indexes = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'job' AND indexname <> 'job_pkey'"
    ).fetchall()
    triggers = connection.execute(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE tgrelid = 'job'::regclass AND NOT tgisinternal"
    ).fetchall()
    for statement in MAKE.split(";\n"):
        connection.execute(statement)
    for (statement,) in [*indexes, *triggers]:
        connection.execute(statement)
    connection.execute(
        "ALTER TABLE attempt ADD FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE"
    )
    for day in range(days):
        first, after = (id_at(round(1000 * day_before(n).timestamp())) for n in (day, day - 1))
        connection.execute(
            f"CREATE TABLE job_{day} PARTITION OF job FOR VALUES FROM ('{first}') TO ('{after}')"
        )


def day_before(days: int) -> datetime:
    """The start, in UTC, of the day that is `days` days before today."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)


def measured(store: Store, batch: int, count: int) -> list[str]:
    """Claim and finish new jobs: the batch, jobs per second, milliseconds of a transaction."""
    jobs = JobStore(store.database, store.wakeup, store.clock)
    for _ in range(count // STORED):
        jobs.enqueue([NewJob("sleep", {}) for _ in range(STORED)])
    liveness = store.liveness(30)
    claims = Claims(store.database, store.wakeup, liveness, store.clock)
    claims.register(batch)
    times, held = list[float](), list[Job]()
    began_at = time.perf_counter()
    while not times or held:
        transaction_at = time.perf_counter()
        ends = [completed(job.fence, RESULT) for job in held]
        claimed = claims.settle_and_claim(ends, limit=batch)
        held = claimed.jobs.jobs()
        claims.wake(claimed)
        times.append(time.perf_counter() - transaction_at)
        liveness.renew()
    rate = count / (time.perf_counter() - began_at)
    claims.deregister()
    return [str(batch), f"{rate:.0f}", f"{1000 * statistics.median(times):.2f}"]


def deleted(store: Store, day: datetime) -> float:
    """Seconds to delete all jobs that finished on a day, with a vacuum."""
    before = round(1000 * (day + timedelta(days=1)).timestamp())
    began_at = time.perf_counter()
    retention = Retention(store.database, (), 0)
    while retention.prune(before)[0]:
        pass
    with contextlib.closing(store.database.raw_connection()) as connection:
        connection.execute("VACUUM job")
    return time.perf_counter() - began_at


def dropped(url: str, day: int) -> float:
    """Seconds to drop the partition of a day."""
    with psycopg.connect(url, autocommit=True) as connection:
        began_at = time.perf_counter()
        connection.execute(f"ALTER TABLE job DETACH PARTITION job_{day}")
        connection.execute(f"DROP TABLE job_{day}")
        return time.perf_counter() - began_at


if __name__ == "__main__":
    main()
