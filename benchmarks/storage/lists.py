"""The cost of lists, searches, figures and bulk changes with a million stored jobs.

    python -m benchmarks.storage.lists [--jobs 1000000] [--database sqlite|postgresql] [--times 5]

Prints the shortest time of several runs, and the number of jobs found.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from benchmarks.storage.stored_jobs import EVERY_MS, NEEDLE, fill
from storage.queries.bulk import Bulk
from storage.queries.caller_use import count_own
from storage.queries.explain import explain
from storage.queries.stats import Stats, read_stats
from storage.records.filters import Filters, View
from storage.records.states import Status
from tests.support.servers import postgres
from tests.support.stores import RETURNED, Bench, Holder, open_bench

LIMIT = 50
FAILED = frozenset({Status.FAILED})
Call = Callable[[], object]


def main() -> None:
    """Fill a store, measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.lists")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with store(options.database) as bench:
        fill(bench, options.jobs)
        runner = bench.runner()
        runner.claims.claim(3)
        print(f"{options.jobs} jobs\n|query|ms|found|\n|---|---|---|")  # noqa: T201
        for name, call in {**calls(bench, options.jobs), **steps(bench, runner)}.items():
            ms, found = quickest(call, options.times)
            print(f"|{name}|{ms:.2f}|{found}|", flush=True)  # noqa: T201


@contextmanager
def store(database: str) -> Iterator[Bench]:
    """A new store on a database of this kind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if database == "sqlite":
            with open_bench(f"sqlite:///{folder / 'jobs.db'}", folder) as bench:
                yield bench
            return
        with (
            postgres.running_server() as server,
            server.new_database() as url,
            open_bench(url, folder) as bench,
        ):
            yield bench


def calls(bench: Bench, count: int) -> dict[str, Call]:
    """The queries to measure, by name."""
    database, clock = bench.store.database, bench.clock
    folder, middle = bench.store.runners_folder, clock() - count * EVERY_MS // 2
    bulk = Bulk(database, bench.store.wakeup, clock)
    (last,) = bench.jobs.list(Filters(frozenset({Status.QUEUED})), 1).jobs

    def page(filters: Filters) -> Call:
        return lambda: len(bench.jobs.list(filters, LIMIT).jobs)

    return {
        "a page of all": page(Filters()),
        "`status=failed`": page(Filters(FAILED)),
        "`status=failed,canceled,queued`": page(
            Filters(frozenset({Status.FAILED, Status.CANCELED, Status.QUEUED}))
        ),
        "`type=rare`": page(Filters(type="rare")),
        "`type=analyze&status=failed`": page(Filters(FAILED, "analyze")),
        "`type=rare&status=running`": page(Filters(frozenset({Status.RUNNING}), "rare")),
        "`created_before` half of them": page(Filters(created_before=middle)),
        "`created_after` all": page(Filters(created_after=clock())),
        "`text=error`": page(Filters(text="error")),
        "`text=`what one job has": page(Filters(text=f"needle {NEEDLE + 1}")),
        "the same, all pages": lambda: all_pages(bench, Filters(text=f"needle {NEEDLE + 1}")),
        "own jobs, one of 1,000": page(Filters(view=View("few"))),
        "own failed jobs, one of 1,000": page(Filters(FAILED, view=View("few"))),
        "own jobs, 999 of 1,000": page(Filters(view=View("many"))),
        "jobs of two queues": page(Filters(view=View(queues=frozenset({"default", "b"})))),
        "own counts, one of 1,000": lambda: count_own(database, "few")["default"].queued,
        "own counts, 999 of 1,000": lambda: count_own(database, "many")["default"].queued,
        "a dry run of a cancel of all": lambda: bulk.cancel(Filters(), None, True).matched,
        "a retry of failed ones": lambda: bulk.retry(Filters(FAILED), None, False).changed,
        "`explain` of the newest": lambda: explained(bench, last.id),
        "`/metrics`": lambda: queued(read_stats(database, clock, folder)),
    }


def steps(bench: Bench, runner: Holder) -> dict[str, Call]:
    """The steps of a job's life, each with its commit. Only SQLite syncs it to the disk.

    They come last, because new jobs get ids of the real time, not of the bench's clock.
    """
    (newest,) = bench.jobs.list(Filters(), 1).jobs

    def claim_and_end() -> bool:
        return runner.claims.complete(runner.claim_one(), "1", RETURNED)

    return {
        "a submission": lambda: bool(bench.enqueue()),
        "a status": lambda: bool(bench.job(newest.id)),
        "a claim and an end": claim_and_end,
    }


def queued(found: Stats) -> int:
    """The number of queued jobs."""
    return sum(mine.queued for mine in found.types.values())


def explained(bench: Bench, job_id: UUID) -> object:
    """The number of jobs ahead of a job."""
    found = explain(bench.store.database, bench.clock, bench.store.runners_folder, job_id)
    return found and found.ahead


def all_pages(bench: Bench, filters: Filters) -> str:
    """Follow all pages of a search; return the number of jobs and pages."""
    found = pages = 0
    before = None
    while pages == 0 or before is not None:
        page = bench.jobs.list(filters, LIMIT, before)
        found, pages, before = found + len(page.jobs), pages + 1, page.next
    return f"{found} in {pages} pages"


def quickest(call: Call, times: int) -> tuple[float, object]:
    """The shortest time in milliseconds, and the last result."""
    least, found = float("inf"), None
    for _ in range(times):
        began = time.perf_counter()
        found = call()
        least = min(least, time.perf_counter() - began)
    return 1000 * least, found


if __name__ == "__main__":
    main()
