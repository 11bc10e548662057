"""Measures how soon the jobs of a killed runner run again, after `kill -9` of one of four.

    python -m benchmarks.faults.runner_killed [--rounds 10] [--lease 30] [--slots 2]

Uses PostgreSQL with synced commits. In each round, all slots of the four runners run a job, and as
many jobs are queued. All processes of one runner are killed at once, as if its machine died. From
then on each job ends as soon as it begins. Times are measured from the kill, by the database:

rescued      the jobs of the killed runner are queued again
begun again  the last of them has begun again, after its backoff (2 s ± 20 %)
all ended    the last of all jobs has ended

Exits with code 1 if a job failed, or if a job did not begin exactly once, or twice if it was
rescued.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.jobs import percentile, time_of
from tests.support.programs import Program, Service, running_service
from tests.support.servers.postgres import synced_database
from tests.support.waiting import wait_for

RUNNERS = 4
MEASURES = ("rescued", "begun again", "all ended")


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.runner_killed")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--lease", type=int, default=30, help="LEASE_SECONDS")
    parser.add_argument("--slots", type=int, default=2, help="of each of the four runners")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, synced_database() as url:
        environ = {"LEASE_SECONDS": str(options.lease), "CONCURRENCY_LIMIT": str(options.slots)}
        with running_service(url, Path(folder), **environ) as service:
            print(*table(service, options), sep="\n")  # noqa: T201


def table(service: Service, options: argparse.Namespace) -> list[str]:
    """Run all rounds; returns the lines of the table."""
    workers = [service.worker() for _ in range(RUNNERS)]
    rounds = []
    for number in range(options.rounds):
        victim = workers.pop(0)
        rounds.append(measure(service, victim, options.slots))
        took = ", ".join(f"{name} {rounds[-1][name]:.2f}" for name in MEASURES)
        sys.stderr.write(f"{number + 1}: {took}\n")
        workers.append(service.worker())
    rows = [f"| {name} | {_figures([each[name] for each in rounds])} |" for name in MEASURES]
    head = f"| {options.rounds} kills, lease {options.lease} s | median, s | most, s |"
    return [head, "|---|---|---|", *rows]


def measure(service: Service, victim: Program, slots: int) -> dict[str, float]:
    """Run one round; returns seconds from the kill."""
    notes, gate = (service.folder / f"{name}-{uuid4().hex}" for name in ("notes", "gate"))
    payload = {"notes": str(notes), "gate": str(gate)}
    ids = [service.submit("gated", payload, max_retries=1) for _ in range(2 * RUNNERS * slots)]
    wait_for(lambda: _begun(notes).total() == RUNNERS * slots, timeout=30)
    name = victim.logged("ready")["runner"]
    killed_at = time.time() - time.monotonic() + victim.die()
    gate.touch()
    jobs = [service.result(job_id, timeout=300) for job_id in ids]
    lost = [job for job in jobs if job["attempts"][0]["runner"] == name]
    require(jobs, lost, _begun(notes))
    return {
        "rescued": max(time_of(job["attempts"][0]["finished_at"]) for job in lost) - killed_at,
        "begun again": max(time_of(job["attempts"][1]["started_at"]) for job in lost) - killed_at,
        "all ended": max(time_of(job["finished_at"]) for job in jobs) - killed_at,
    }


def require(jobs: list[dict[str, Any]], lost: list[dict[str, Any]], begun: Counter[str]) -> None:
    """Exit if a job failed or did not begin as often as expected."""
    expected = Counter(job["job_id"] for job in [*jobs, *lost])
    if begun != expected or any(job["status"] != "succeeded" for job in jobs):
        sys.exit(f"jobs did not begin as expected: {begun - expected}, {expected - begun}")


def _begun(notes: Path) -> Counter[str]:
    return Counter(notes.read_text().split() if notes.exists() else ())


def _figures(seconds: list[float]) -> str:
    return f"{percentile(seconds, 0.5):.1f} | {max(seconds):.1f}"


if __name__ == "__main__":
    main()
