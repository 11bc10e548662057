"""Submissions to SQLite while other programs keep the processors and the disk busy.

    python -m benchmarks.storage.neighbours [--hogs 2] [--copies 2] [--seconds 10]
        [--connections 32] [--megabytes 2000]

Two listeners take no-op jobs and two workers run them. Meanwhile `--hogs` processes compute, and
`--copies` loops write files to the same disk with `dd conv=fsync`, `--megabytes` in total at most.
Prints a Markdown table: first without neighbours, then with them. `explained` is the number of log
lines that say who holds the write lock.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.http_client import Connection, connect
from benchmarks.jobs import percentile
from benchmarks.speed import ours
from tests.support.programs import running_service

FILE_MEGABYTES = 64
MESSAGE = "a change waits for the write lock of the database"
NAMES = ("hogs, copies", "a second, median", "fewest", "p99, ms", "longest, ms", "refused")
HEAD = f"| {' | '.join(NAMES)} | explained |\n{'|---' * len(NAMES)}|---|\n"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.neighbours")
    parser.add_argument("--hogs", type=int, default=2)
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--megabytes", type=int, default=2000)
    options = parser.parse_args()
    sys.stdout.write(HEAD)
    for hogs, copies in ((0, 0), (options.hogs, options.copies)):
        with tempfile.TemporaryDirectory(prefix="job-service-") as name:
            folder = Path(name)
            with running_service("", folder, JOB_TYPES=ours.TYPES) as running:
                running.worker()
                running.worker()
                other = running.program("server").logged("listening")["port"]
                with computing(hogs), copying(folder, copies, options.megabytes):
                    ports = [ours.port_of(running), other]
                    sent = asyncio.run(submit(ports, options.connections, options.seconds))
                lines = [line for each in running.programs() for line in each.lines()]
            explained = sum(line["message"] == MESSAGE for line in lines)
            sys.stdout.write(f"| {hogs}, {copies} | {sent.row(options.seconds)} | {explained} |\n")


@dataclass
class Sent:
    """The submissions: how long each took, how many ended in each second, and the refused ones."""

    latencies: list[float] = field(default_factory=list)
    ended: Counter[int] = field(default_factory=Counter)
    refused: int = 0

    def row(self, seconds: float) -> str:
        """The cells of a row."""
        each = [self.ended[second] for second in range(int(seconds))]
        times = percentile(self.latencies, 0.99), max(self.latencies)
        milliseconds = " | ".join(f"{1000 * each:.0f}" for each in times)
        return f"{median(each):,.0f} | {min(each):,} | {milliseconds} | {self.refused}"


async def submit(ports: list[int], connections: int, seconds: float) -> Sent:
    """Submit jobs over all connections without a pause."""
    opened = [await connect(ports[number % len(ports)]) for number in range(connections)]
    sent, began_at = Sent(), time.monotonic()

    async def send_over(connection: Connection) -> None:
        while (sent_at := time.monotonic()) < began_at + seconds:
            answer = await connection.ask(ours.SUBMIT)
            now = time.monotonic()
            if answer.startswith(b"HTTP/1.1 202 "):
                sent.latencies.append(now - sent_at)
                sent.ended[int(now - began_at)] += 1
            else:
                sent.refused += 1

    await asyncio.gather(*map(send_over, opened))
    for connection in opened:
        connection.close()
    return sent


@contextmanager
def computing(count: int) -> Iterator[None]:
    """Keep processors busy with this number of processes."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@contextmanager
def copying(folder: Path, count: int, megabytes: int) -> Iterator[None]:
    """Write and sync files again and again, until the block ends or enough was written."""
    stopping = threading.Event()

    def copy(number: int) -> None:
        file = folder / f"copy-{number}"
        for _ in range(megabytes // count // FILE_MEGABYTES):
            if stopping.is_set():
                break
            to = [f"of={file}", "bs=1M", f"count={FILE_MEGABYTES}", "conv=fsync", "status=none"]
            subprocess.run(["dd", "if=/dev/zero", *to], check=True)
        file.unlink(missing_ok=True)

    threads = [threading.Thread(target=copy, args=(number,)) for number in range(count)]
    with contextlib.ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stopping.set)
        yield


if __name__ == "__main__":
    main()
