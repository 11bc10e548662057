"""Memory and files during a long run at a steady rate, with old jobs deleted.

    python -m benchmarks.storage.steady [--jobs 200000] [--rate 700] [--database sqlite|postgresql]

Submits no-op jobs at this rate over eight connections; the service keeps them for 30 seconds after
their end, and a worker deletes old ones once a minute. Every 15 seconds, it samples the PSS of all
processes of the service, the size of the database, and the number of stored jobs. It prints the
maximum of each fifth of the run as a Markdown table. A steady state has similar last rows.
"""

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.http_client import Connection, connect
from benchmarks.runner.idle import KIB_PER_MB, samples
from benchmarks.speed import ours
from storage.db.models import JobRow
from tests.support.programs import Service

CONNECTIONS = 8
EVERY_SECONDS = 15.0
FIFTHS = 5
NAMES = ("until, s", "listener, MB", "worker and jobs, MB", "database, MB", "stored", "submitted")
HEAD = [f"| {' | '.join(NAMES)} |", "|---" * len(NAMES) + "|"]


@dataclass(frozen=True)
class Sample:
    """A sample of the service. Memory and files are in MB, `at` is in seconds."""

    at: float
    listener: float
    worker: float
    database: float
    stored: int
    submitted: int


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.steady")
    parser.add_argument("--jobs", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=700.0, help="jobs a second")
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    options = parser.parse_args()
    database = ours.DATABASES[options.database]
    with ours.service(database=database, RETENTION_SECONDS="30") as running:
        samples = watch(running, JobSender(options.jobs, options.rate))
        ours.until_all_final(running)
    rows = [f"| {' | '.join(cells(most))} |" for most in fifths(samples)]
    sys.stdout.write("\n".join([*HEAD, *rows, ""]))


class JobSender:
    """Submits jobs, each when it is due."""

    def __init__(self, jobs: int, rate: float):
        self.sent = 0
        self._jobs, self._rate = jobs, rate

    async def send(self, port: int) -> None:
        """Submit all jobs. Raises SystemExit if one is not accepted."""
        self._began_at = time.monotonic()
        connections = [await connect(port) for _ in range(CONNECTIONS)]
        await asyncio.gather(*map(self._send_over, connections))
        for connection in connections:
            connection.close()

    async def _send_over(self, connection: Connection) -> None:
        while (number := self.sent) < self._jobs:
            self.sent += 1
            due_at = self._began_at + number / self._rate
            await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            answer = await connection.ask(ours.SUBMIT)
            if not answer.startswith(b"HTTP/1.1 202 "):
                raise SystemExit(f"not accepted: {answer[:500]!r}")


def watch(running: Service, sender: JobSender) -> list[Sample]:
    """Sample the service while the sender sends all jobs."""
    sending = threading.Thread(target=lambda: asyncio.run(sender.send(ours.port_of(running))))
    began_at, samples = time.monotonic(), list[Sample]()
    sending.start()
    while sending.is_alive():
        sending.join(EVERY_SECONDS)
        samples.append(sample(running, time.monotonic() - began_at, sender.sent))
    return samples


def sample(running: Service, at: float, submitted: int) -> Sample:
    """Sample the service now."""
    memory = {"server": 0.0, "runner": 0.0}
    for sample in samples(running).values():
        memory[sample.name.partition(":")[0]] += sample.pss / KIB_PER_MB
    with ours.reading(running):
        stored = JobRow.select().count()
    listener, worker = memory.values()
    return Sample(at, listener, worker, size(running), stored, submitted)


def size(running: Service) -> float:
    """The size of the database, in MB of a million bytes."""
    url = running.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        return sum(each.stat().st_size for each in folder.glob("jobs.db*")) / 1e6
    with ours.reading(running):
        query = "SELECT pg_database_size(current_database())"
        return float(JobRow._meta.database.execute_sql(query).fetchone()[0]) / 1e6


def fifths(samples: list[Sample]) -> Iterator[Sample]:
    """The maximum of each column, for each fifth of the samples."""
    count = -(-len(samples) // FIFTHS)
    for start in range(0, len(samples), count):
        some = samples[start : start + count]
        yield Sample(*(max(column) for column in zip(*map(astuple, some), strict=True)))


def cells(most: Sample) -> list[str]:
    """The cells of a row."""
    values = astuple(most)
    return [f"{each:,}" if isinstance(each, int) else f"{each:,.1f}" for each in values]


if __name__ == "__main__":
    main()
