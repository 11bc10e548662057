"""The cost of a page by a tag and a status with a million stored jobs.

    python -m benchmarks.storage.tagged [--jobs 1000000] [--database sqlite|postgresql] [--times 5]

Half of the jobs have the tag `half`, and one of a thousand has the tag `rare`. One job of a
thousand is canceled, and one of twenty has failed. No canceled job has the tag `succeeded`, which
all jobs have that have succeeded. Prints the shortest time of several runs, the shortest CPU time
of this process, and the jobs found.
"""

import argparse
import time

from benchmarks.storage.lists import LIMIT, store
from benchmarks.storage.stored_jobs import fill
from storage.records.filters import Filters
from storage.records.states import Status
from tests.support.stores import Bench

SHARES = {Status.SUCCEEDED: 94.9, Status.FAILED: 5, Status.CANCELED: 0.1}
TAGS = {
    "half": "version / 2 * 2 = version",
    "rare": "version / 1000 * 1000 = version",
    "succeeded": "status = 'succeeded'",
}


def main() -> None:
    """Fill a store, measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.tagged")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with store(options.database) as bench:
        fill(bench, options.jobs, SHARES)
        _add_tags(bench)
        print(f"{options.jobs} jobs\n|tag|status|ms|CPU ms|found|\n|---|---|---|---|---|")  # noqa: T201
        for tag in TAGS:
            for status in (None, *SHARES):
                statuses = frozenset({status} if status else ())
                filters = Filters(statuses, tags=frozenset({tag}))
                row = _measured(bench, filters, options.times)
                print(f"|{tag}|{status or 'any'}|{row}|", flush=True)  # noqa: T201


def _measured(bench: Bench, filters: Filters, times: int) -> str:
    took, cpu, found = [], [], ""
    for _ in range(times):
        began, began_cpu = time.perf_counter(), time.process_time()
        found = _page(bench, filters)
        took.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - began_cpu))
    return f"{min(took):.2f}|{min(cpu):.2f}|{found}"


def _page(bench: Bench, filters: Filters) -> str:
    page = bench.jobs.list(filters, LIMIT)
    return f"{len(page.jobs)}{', and more' if page.next else ''}"


def _add_tags(bench: Bench) -> None:
    database = bench.store.database
    for tag, condition in TAGS.items():
        insert = f"INSERT INTO job_tag (tag, job_id) SELECT '{tag}', id FROM job"
        with database.transaction():
            database.execute(f"{insert} WHERE {condition}")
    if database.postgresql:
        connection = database.raw_connection()
        connection.execute("ANALYZE")
        connection.close()


if __name__ == "__main__":
    main()
