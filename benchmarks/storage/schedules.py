"""How late many schedules are fired that are due each minute, and how much CPU time that takes.

    python -m benchmarks.storage.schedules [--schedules 10000] [--zones 1] [--minutes 3]
        [--workers 1] [--database sqlite|postgresql]

Puts schedules that are due each minute, in several time zones. Workers that run no jobs fire them.
Within each minute, the last jobs are forgotten, as if they had ended. Prints a Markdown table with
a row for each minute: when the first and the last job could be read by another process, and the CPU
time of all workers in the minute, the database server not included.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import peewee as pw
import psutil

from benchmarks.speed import ours
from storage.db.models import FiringRow, JobRow, ScheduleRow
from storage.open import Store, open_store
from storage.records.job import NewJob
from storage.records.schedule import Missed, Overlap, ScheduleSettings, Timing, template_of
from storage.schedules.schedules import Schedules
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.programs import running_service

ZONES = (
    *("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles"),
    *("America/Sao_Paulo", "Asia/Tokyo", "Asia/Kolkata", "Asia/Shanghai", "Australia/Sydney"),
)
HEAD = """| minute | jobs | first after, s | all after, s | twice | CPU, s | CPU, % of a core |
|---|---|---|---|---|---|---|
"""
POLL_SECONDS = 0.01


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.schedules")
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--zones", type=int, default=1, choices=range(1, len(ZONES) + 1))
    parser.add_argument("--minutes", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    options = parser.parse_args()
    sys.stdout.write(HEAD)
    with (
        tempfile.TemporaryDirectory(prefix="job-service-") as name,
        ours.DATABASES[options.database](Path(name)) as url,
        running_service(url, Path(name)) as running,
    ):
        store = open_store(Settings.read(running.environ))
        put(store, options.schedules, ZONES[: options.zones])
        workers = [
            psutil.Process(
                running.program("runner", QUEUES="unused", LOG_LEVEL="WARNING").process.pid
            )
            for _ in range(options.workers)
        ]
        sleep_until(next_minute() + 30)  # the first minute may have begun without workers
        for number in range(options.minutes):
            row = measure(store, workers, options.schedules)
            sys.stdout.write(f"| {number + 1} | {row} |\n")
            sys.stdout.flush()
        store.close()


def put(store: Store, count: int, zones: tuple[str, ...]) -> None:
    """Put schedules that are due each minute."""
    jobs = JobStore(store.database, store.wakeup, store.clock)
    schedules = Schedules(store.database, store.wakeup, store.clock, jobs.add)
    template = template_of(NewJob("noop", {}))
    with store.database.transaction():
        for number in range(count):
            timing = Timing("* * * * *", None, zones[number % len(zones)])
            settings = ScheduleSettings(
                "noop", {}, timing, Missed.ONCE, Overlap.SKIP, False, None, {}, template, "{}"
            )
            schedules.put(f"s{number}", settings, None, lambda stored: None)


def measure(store: Store, workers: list[psutil.Process], count: int) -> str:
    """Wait for the next minute, and return the cells of its row."""
    forget_jobs(store)
    minute = next_minute()
    before = cpu_seconds(workers)
    found, first, last = 0, 0.0, 0.0
    sleep_until(minute - 0.2)
    while found < count and time.time() < minute + 30:
        time.sleep(POLL_SECONDS)
        found, last = fired(store, minute), time.time() - minute
        first = first or (last if found else 0.0)
    sleep_until(minute + 30)
    cpu = cpu_seconds(workers) - before
    twice = count_jobs(store, minute) - fired(store, minute)
    times = f"{found} | {first:.2f} | {last:.2f} | {twice} | {cpu:.2f} | {100 * cpu / 60:.1f}"
    sleep_until(minute + 31)
    return times


def forget_jobs(store: Store) -> None:
    """Let the last jobs be no reason to skip a time."""
    store.database.run(ScheduleRow.update(last_job_id=None))


def fired(store: Store, minute: int) -> int:
    """The number of schedules that were fired for a minute with a job."""
    mine = (FiringRow.nominal_at == minute * 1000) & FiringRow.job_id.is_null(False)
    return counted(store, FiringRow.select(pw.fn.COUNT(FiringRow.job_id).alias("n")).where(mine))


def count_jobs(store: Store, minute: int) -> int:
    """The number of jobs for a minute."""
    query = JobRow.select(pw.fn.COUNT(JobRow.id).alias("n"))
    return counted(store, query.where(JobRow.nominal_at == minute * 1000))


def counted(store: Store, query: Any) -> int:
    """The result of a query for a number."""
    return int(store.database.rows(query)[0]["n"])


def cpu_seconds(workers: list[psutil.Process]) -> float:
    """Return the CPU seconds of the workers; their job processes do not count."""
    times = [worker.cpu_times() for worker in workers]
    return sum(each.user + each.system for each in times)


def next_minute() -> int:
    """The beginning of the next minute."""
    return (int(time.time()) // 60 + 1) * 60


def sleep_until(moment: float) -> None:
    """Sleep until a time of this machine's clock."""
    time.sleep(max(0.0, moment - time.time()))


if __name__ == "__main__":
    main()
