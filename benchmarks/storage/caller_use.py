"""The cost of counting what one caller uses of its quotas, among a million jobs.

    python -m benchmarks.storage.caller_use [--queued 1000000] [--final 1000000] [--times 5]
        [--database sqlite|postgresql]

Three callers: `done` has the final jobs, `few` one of 1,000 queued jobs, and `others` all others.
One job of ten has a file. Prints the shortest time of several runs, and what was counted.
"""

import argparse

from benchmarks.storage.lists import quickest, store
from benchmarks.storage.stored_jobs import fill
from storage.queries.caller_use import count_bytes_of, count_queued_of
from storage.records.states import Status
from tests.support.stores import Bench

QUOTA = 1000
FILE_BYTES = 1000
_FILES = (
    "INSERT INTO upload (id, name, size, sha256)"
    f" SELECT id, 'a.log', {FILE_BYTES}, '00' FROM job WHERE version / 10 * 10 = version",
    "UPDATE job SET upload_id = id WHERE version / 10 * 10 = version",
)


def main() -> None:
    """Fill a store, measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.caller_use")
    parser.add_argument("--queued", type=int, default=1_000_000)
    parser.add_argument("--final", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with store(options.database) as bench:
        shares = {Status.QUEUED: options.queued, Status.SUCCEEDED: options.final}
        fill(bench, options.queued + options.final, shares, caller_of)
        for heading in ("without files", "with files"):
            print(f"{heading}\n|caller|count|ms|found|\n|---|---|---|---|")  # noqa: T201
            measure(bench, options.times)
            if heading == "without files":
                add_files(bench)


def measure(bench: Bench, times: int) -> None:
    """Print the rows of a table."""
    database = bench.store.database
    for caller in ("few", "done", "others", "nobody"):
        calls = {
            "queued jobs": lambda caller=caller: count_queued_of(database, caller, QUOTA),
            "bytes": lambda caller=caller: count_bytes_of(database, caller, lambda name: []),
        }
        for name, call in calls.items():
            ms, found = quickest(call, times)
            print(f"|{caller}|{name}|{ms:.2f}|{found}|", flush=True)  # noqa: T201


def caller_of(number: int, status: Status) -> str:
    """The caller of a job."""
    if status is not Status.QUEUED:
        return "done"
    return "few" if number % 1000 == 2 else "others"


def add_files(bench: Bench) -> None:
    """Give each tenth job a file."""
    database = bench.store.database
    without_triggers = ("ALTER TABLE job DISABLE TRIGGER USER",) if database.postgresql else ()
    with database.transaction():
        for statement in (*without_triggers, *_FILES):  # they would take minutes
            database.execute(statement)
    if database.postgresql:
        connection = database.raw_connection()
        connection.execute("VACUUM ANALYZE")
        connection.close()


if __name__ == "__main__":
    main()
