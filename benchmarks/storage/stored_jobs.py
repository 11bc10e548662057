"""Fills a store with very many jobs, for benchmarks of queries."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from storage.db.models import CounterRow
from storage.db.versions import IS_VERSION
from storage.records.states import Status
from tests.support.stores import Bench, id_at

EVERY_MS = 100
"""The time between two jobs in ms."""
SHARES = {
    Status.SUCCEEDED: 60,
    Status.FAILED: 5,
    Status.CANCELED: 5,
    Status.QUEUED: 30,
}
RARE, NEEDLE = 100_000, 200_000
"""One job of this many has the type `rare`; one of this many has a unique pattern."""
FEW_OF = 1000
"""One job of this many was submitted by the caller `few`, the others by `many`."""
_COLUMNS = (
    "id, type, status, payload, attempt, retry_count, max_retries, priority, created_at, run_at, "
    "started_at, finished_at, version, client_retries, submitted_by"
)
_COUNT = """
INSERT INTO counter (type, name, value)
SELECT type, 'submitted', COUNT(*) FROM job WHERE finished_at IS NULL GROUP BY type
"""


def few_or_many(number: int, status: Status) -> str:
    """The name of the caller of a job."""
    return "few" if number % FEW_OF == 2 else "many"


def fill(
    bench: Bench,
    count: int,
    shares: Mapping[Status, float] = SHARES,
    caller_of: Callable[[int, Status], str] = few_or_many,
) -> None:
    """Store jobs with the newest now, in SQL of its own, because JobStore would take too long.

    `shares` are the weights of the statuses. `caller_of` gets the number of a job, and its status.
    """
    database = bench.store.database
    connection = database.raw_connection()
    try:
        if database.postgresql:
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY job ({_COLUMNS}) FROM STDIN") as copy:
                    for row in _rows(bench.clock(), count, shares, caller_of):
                        copy.write_row(row)
                cursor.execute(_COUNT)
                cursor.execute("VACUUM ANALYZE")
        else:
            placeholders = ", ".join("?" * len(_COLUMNS.split(",")))
            connection.execute("BEGIN IMMEDIATE")
            insert = f"INSERT INTO job ({_COLUMNS}) VALUES ({placeholders})"
            connection.executemany(insert, _rows(bench.clock(), count, shares, caller_of))
            connection.execute(_COUNT)
            connection.execute("COMMIT")
    finally:
        connection.close()
    database.run(CounterRow.update(value=count).where(IS_VERSION))


def _rows(
    now: int,
    count: int,
    shares: Mapping[Status, float],
    caller_of: Callable[[int, Status], str],
) -> Iterator[tuple[Any, ...]]:
    rng = random.Random(count)
    statuses = rng.choices(list(shares), list(shares.values()), k=count)
    for number, status in enumerate(statuses):
        created = now - (count - number) * EVERY_MS
        ended = None if status is Status.QUEUED else created + 1000
        started = None if ended is None else created + 50
        type = "rare" if number % RARE == 1 else rng.choice(["sleep", "sleep", "analyze"])
        pattern = f"needle {number}" if number % NEEDLE == 1 else rng.choice(["ERROR", "WARN"])
        payload = json.dumps({"patterns": [pattern]})
        attempt, priority = 0 if ended is None else 1, rng.choice([0, 0, 0, 5])
        job_id = id_at(created, number).hex
        fixed = (job_id, type, status, payload, attempt, 0, 1, priority, created, created)
        yield (*fixed, started, ended, number + 1, 0, caller_of(number, status))
