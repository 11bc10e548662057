"""The cost of grouping failures, and of finding the jobs of a group, with a million failed jobs.

    python -m benchmarks.storage.failures [--jobs 1000000] [--database postgresql] [--times 3]

The jobs have 200 kinds of failures. A share of the messages contains numbers, as in real logs, so
that nearly no two of them are equal. Prints the CPU time of this program, the shortest time of
several runs, and how many jobs were looked at.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.storage.lists import store
from storage.db.models import CounterRow
from storage.db.versions import IS_VERSION
from storage.queries.bulk import Bulk
from storage.queries.failures import find_failures
from storage.records.failure_kind import failure_key
from storage.records.filters import Filters
from tests.support.stores import Bench, id_at

EVERY_MS = 100
KINDS = 200
RARE = 100_000
"""One job of this many has the type `rare` and the queue `rare`."""
TAGGED = 1000
"""One job of this many has the tag `few`; each has the tag `many`."""
COLUMNS = (
    "id, type, status, payload, attempt, retry_count, max_retries, priority, created_at, run_at, "
    "started_at, finished_at, version, client_retries, queue, error, tags"
)


def main() -> None:
    """Fill a store, measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.failures")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    with store(options.database) as bench:
        fill(bench, options.jobs)
        print(f"{options.jobs} failed jobs\n|call|CPU ms|ms|found|\n|---|---|---|---|")  # noqa: T201
        for name, call in calls(bench, options.jobs).items():
            cpu, ms, found = quickest(call, options.times)
            print(f"|{name}|{cpu:.0f}|{ms:.0f}|{found}|", flush=True)  # noqa: T201


def fill(bench: Bench, count: int) -> None:
    """Store failed jobs and their tags, in SQL of its own, because JobStore would take too long."""
    database, now = bench.store.database, bench.clock()
    tags = ((tag, row[0]) for row in rows(now, count) for tag in json.loads(row[-1]))
    tables = {"job": (COLUMNS, rows(now, count)), "job_tag": ("tag, job_id", tags)}
    connection = database.raw_connection()
    try:
        if database.postgresql:
            with connection.cursor() as cursor:
                for table, (columns, values) in tables.items():
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        for row in values:
                            copy.write_row(row)
                cursor.execute("VACUUM ANALYZE")
        else:
            connection.execute("BEGIN IMMEDIATE")
            for table, (columns, values) in tables.items():
                places = ", ".join("?" * len(columns.split(",")))
                connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", values)
            connection.execute("COMMIT")
    finally:
        connection.close()
    database.run(CounterRow.update(value=count).where(IS_VERSION))


def rows(now: int, count: int) -> Iterator[tuple[Any, ...]]:
    """The rows of failed jobs, the oldest first."""
    rng = random.Random(count)
    for number in range(count):
        created = now - (count - number) * EVERY_MS
        rare = "rare" if number % RARE == 1 else None
        kind = min(int(rng.expovariate(0.03)), KINDS - 1)
        error = {"type": f"Error{kind % 20}", "message": message(kind, number)}
        tags = ["many"] if number % TAGGED else ["few", "many"]
        yield (
            *(id_at(created, number).hex, rare or "sleep", "failed", '{"seconds":1}', 1, 0, 1, 0),
            *(created, created, created + 50, created + 1000, number + 1, 0, rare or "default"),
            *(json.dumps(error), json.dumps(tags)),
        )


def message(kind: int, number: int) -> str:
    """A message of a kind; of three kinds, the messages of two have numbers."""
    word = "".join(chr(97 + int(digit)) for digit in str(kind))
    what = f"customer {number} has no file {number * 7}.csv" if kind % 3 else "the disk is full"
    return f"cannot read the source {word}: {what}, while reading the next part of the input"


def calls(bench: Bench, count: int) -> dict[str, Callable[[], object]]:
    """The calls to measure, by name."""
    database, middle = bench.store.database, bench.clock() - count * EVERY_MS // 2
    bulk = Bulk(database, bench.store.wakeup, bench.clock)
    error = {"type": "Error1", "message": message(1, 5)}
    alike = Filters(failure=failure_key("sleep", json.dumps(error)))

    def groups(**filters: Any) -> Callable[[], object]:
        def call() -> str:
            found = find_failures(database, Filters(**filters))
            rest = "all" if found.next is None else "the latest"
            return f"{rest}: {found.failed} in {len(found.groups)} groups"

        return call

    def pages() -> str:
        before, failed, answers = None, 0, 0
        while answers == 0 or before:
            found = find_failures(database, Filters(), before)
            before, failed, answers = found.next, failed + found.failed, answers + 1
        return f"{failed} in {answers} answers"

    return {
        "`GET /failures`": groups(),
        "followed to the end": pages,
        "`type=rare`": groups(type="rare"),
        "`queue=rare`": groups(queue="rare"),
        "`tag=few`": groups(tags=frozenset({"few"})),
        "`tag=many`": groups(tags=frozenset({"many"})),
        "`since` half of them": groups(finished_after=middle),
        "a page of `GET /jobs?failure=`": lambda: len(bench.jobs.list(alike, 50).jobs),
        "a dry run of a retry of a group": lambda: bulk.retry(alike, None, True),
        "a retry of a group": lambda: bulk.retry(alike, None, False),
    }


def quickest(call: Callable[[], object], times: int) -> tuple[float, float, object]:
    """The shortest CPU time and the shortest time in milliseconds, and the last result."""
    cpu = least = float("inf")
    found = None
    for _ in range(times):
        began = time.process_time(), time.perf_counter()
        found = call()
        cpu = min(cpu, time.process_time() - began[0])
        least = min(least, time.perf_counter() - began[1])
    return 1000 * cpu, 1000 * least, found


if __name__ == "__main__":
    main()
