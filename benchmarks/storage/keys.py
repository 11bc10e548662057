"""Fairness between concurrency keys: how long jobs of light keys wait beside a heavy one.

    python -m benchmarks.storage.keys [--database sqlite|postgresql] [--keys 1000] [--heavy 1000]
        [--seconds 0.5] [--rate 10] [--workers 2] [--slots 4]

A heavy key gets `--heavy` jobs at once. Then each light key gets one job, `--rate` jobs a second,
which is less than the slots can run. Each job takes `--seconds`. The first row is without keys, the
others with a `max_per_key` of 1, of a quarter, of half and of all slots. The table has the waits of
light jobs from their submission to their start, in lengths of a job, and how many jobs of the heavy
key have run at the same time, and per second.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.jobs import percentile, time_of
from benchmarks.speed import ours
from tests.support.programs import Service, running_service

NAMES = ("max_per_key", "light jobs", "median", "p99", "longest", "heavy at once", "heavy a second")
HEAD = f"| {' | '.join(NAMES)} |\n{'|---' * len(NAMES)}|\n"
PAGE = 100


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.keys")
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--heavy", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--slots", type=int, default=4)
    options = parser.parse_args()
    sys.stdout.write(HEAD)
    slots = options.workers * options.slots
    for most in (None, 1, slots // 4, slots // 2, slots):
        with tempfile.TemporaryDirectory(prefix="job-service-") as name:
            folder = Path(name)
            with ours.DATABASES[options.database](folder) as url:
                sys.stdout.write(measure(options, url, folder, most))
                sys.stdout.flush()


def measure(options: argparse.Namespace, url: str, folder: Path, most: int | None) -> str:
    """Run the jobs on a new store, and return the row of the table."""
    with running_service(url, folder, CONCURRENCY_LIMIT=str(options.slots)) as service:
        for _ in range(options.workers):
            service.worker(CONCURRENCY_LIMIT=str(options.slots))
        submit_heavy(service, options, most)
        began_at = time.monotonic()
        for number in range(options.keys):
            time.sleep(max(0.0, began_at + number / options.rate - time.monotonic()))
            key = {} if most is None else {"concurrency_key": f"light {number}"}
            submit(service, options.seconds, "light", key)
        while any(job["started_at"] is None for job in jobs_of(service, "light")):
            time.sleep(1)
        light, heavy = list(jobs_of(service, "light")), list(jobs_of(service, "heavy"))
    waits = [(time_of(job["started_at"]) - time_of(job["created_at"])) for job in light]
    lengths = sorted(wait / options.seconds for wait in waits)
    ended = [job for job in heavy if job["finished_at"]]
    ends = [time_of(job["finished_at"]) for job in ended]
    per_second = (len(ends) - 1) / (max(ends) - min(ends))
    shown = f"{median(lengths):.2f} | {percentile(lengths, 0.99):.2f} | {lengths[-1]:.2f}"
    of_heavy = f"{most_at_once(ended)} | {per_second:.2f}"
    return f"| {most or 'no keys'} | {len(light)} | {shown} | {of_heavy} |\n"


def submit_heavy(service: Service, options: argparse.Namespace, most: int | None) -> None:
    """Submit the jobs of the heavy key as batches."""
    keys = {} if most is None else {"concurrency_key": "heavy", "max_per_key": most}
    job = {"type": "sleep", "payload": {"seconds": options.seconds}, "tags": ["heavy"], **keys}
    for start in range(0, options.heavy, PAGE):
        status, _ = service.call("POST", "/jobs/batch", [job] * min(PAGE, options.heavy - start))
        assert status in (200, 202), status


def submit(service: Service, seconds: float, tag: str, options: dict[str, Any]) -> None:
    """Submit one job with a tag."""
    document = {"type": "sleep", "payload": {"seconds": seconds}, "tags": [tag]}
    status, answer = service.call("POST", "/jobs", {**document, **options})
    assert status == 202, answer


def jobs_of(service: Service, tag: str) -> Iterator[dict[str, Any]]:
    """Yield the jobs with a tag."""
    fields = "created_at,started_at,finished_at"
    query: str | None = f"/jobs?tag={tag}&limit={PAGE}&fields={fields}"
    while query:
        _, page = service.call("GET", query)
        yield from page["items"]
        following = page["next"]
        query = following and f"/jobs?tag={tag}&limit={PAGE}&fields={fields}&cursor={following}"


def most_at_once(jobs: list[dict[str, Any]]) -> int:
    """Return how many of these jobs have run at the same time."""
    changes = [(time_of(job["started_at"]), 1) for job in jobs]
    changes += [(time_of(job["finished_at"]), -1) for job in jobs]
    running = most = 0
    for _, change in sorted(changes):  # an end comes before a start in the same millisecond
        running += change
        most = max(most, running)
    return most


if __name__ == "__main__":
    main()
