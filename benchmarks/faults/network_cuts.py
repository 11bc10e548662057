"""Measures how a machine that loses its network affects the others. Linux, root, PostgreSQL.

    python -m benchmarks.faults.network_cuts [--cuts 10] [--seconds 15]

A listener and two workers run in network namespaces of their own, while clients submit short jobs
one after the other. The workers are cut off in turn. Their connections are not closed, so the
database keeps their transactions and locks.

others      the longest time in which no submission was acknowledged
comes back  the time from the end of the cut until the worker begins a job

Fails if a job has not succeeded two minutes after the last submission.
"""

import argparse
import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import peewee as pw

from benchmarks.jobs import row
from storage.db.models import AttemptRow, JobRow
from storage.open import Store, open_store
from storage.settings.settings import Settings
from tests.support.programs import Program
from tests.support.servers import postgres
from tests.support.waiting import wait_for
from tests.system.chaos.networks import HERE, Network, Networks, missing

BODY = b'{"type": "sleep", "payload": {"seconds": 0.01}, "max_retries": 9}'
CLIENTS = 4
PORT = 8080
CALM_SECONDS = 3.0


class Submitter(threading.Thread):
    """Submits jobs one after the other; `acknowledged_at` are times of the monotonic clock."""

    def __init__(self, host: str):
        super().__init__(daemon=True)
        self._host = host
        self._stopping = threading.Event()
        self.acknowledged_at: list[float] = []

    def run(self) -> None:
        while not self._stopping.wait(0.02):
            connection = http.client.HTTPConnection(self._host, PORT, timeout=30)
            try:
                connection.request("POST", "/jobs", BODY, {"Content-Type": "application/json"})
                if connection.getresponse().status == 202:
                    self.acknowledged_at.append(time.monotonic())
            except OSError:
                pass
            finally:
                connection.close()

    def stop(self) -> None:
        """Stop submitting."""
        self._stopping.set()
        self.join()


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.network_cuts")
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=15.0, help="duration of each cut")
    options = parser.parse_args()
    if requirement := missing() or postgres.missing():
        sys.exit(requirement)
    networks = Networks()
    with (
        tempfile.TemporaryDirectory() as name,
        postgres.running_server(synced=True, address=HERE) as server,
    ):
        environ = {"DATA_DIR": f"{name}/data", "DATABASE_URL": server.url("postgres")}
        store = open_store(Settings.read(environ))
        program_environ = {**environ, "DATABASE_URL": server.network_url("postgres")}
        programs, ends = [], [networks.add() for _ in range(3)]
        for module, network in zip(("server", "runner", "runner"), ends, strict=True):
            settings = {"HOST": network.address, "PORT": str(PORT), "LEASE_SECONDS": "30"}
            starter = (*network.starter, "setpriv", "--pdeathsig=KILL", "--")
            programs.append(Program(module, Path(name), {**program_environ, **settings}, starter))
        try:
            measure(store, programs, ends, options)
        finally:
            for program in programs:
                program.stop()
            store.close()


def measure(
    store: Store, programs: Sequence[Program], ends: Sequence[Network], options: argparse.Namespace
) -> None:
    """Cut the network in turn, and print the table."""
    programs[0].logged("listening")
    workers = programs[1:]
    for worker in workers:
        worker.logged("ready")
    clients = [Submitter(ends[0].address) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    pauses, returns = [], []
    for number in range(options.cuts):
        which = number % 2
        time.sleep(CALM_SECONDS)
        cut_at = time.monotonic()
        mend = ends[1 + which].cut()
        time.sleep(options.seconds)
        mended_at, seen = time.monotonic(), attempts(store, workers[which])
        mend()
        wait_for(lambda which=which, seen=seen: attempts(store, workers[which]) > seen, 1200)  # type: ignore[misc]
        returns.append(time.monotonic() - mended_at)
        pauses.append(longest_pause(clients, cut_at))
        sys.stderr.write(f"{number + 1}: others {pauses[-1]:.2f}, back {returns[-1]:.2f}\n")
    for client in clients:
        client.stop()
    wait_for(lambda: unfinished(store) == 0, 120)
    rows = [row("others: nothing acknowledged", pauses), row("comes back", returns)]
    print("| ms | times | median | p99 | most |", "|---" * 5 + "|", *rows, sep="\n")  # noqa: T201


def attempts(store: Store, program: Program) -> int:
    """Return how many attempts a worker has begun under all its runner names."""
    mine = AttemptRow.runner.contains(f"-{program.process.pid}-")
    rows = store.database.rows(
        AttemptRow.select(pw.fn.COUNT(AttemptRow.number).alias("n")).where(mine)
    )
    return int(rows[0]["n"])


def longest_pause(clients: Sequence[Submitter], since: float) -> float:
    """Return the longest time without an acknowledgment after a moment, in seconds."""
    moments = sorted(at for client in clients for at in client.acknowledged_at if at > since)
    moments = [since, *moments, time.monotonic()]
    return max(after - before for before, after in pairwise(moments))


def unfinished(store: Store) -> int:
    """Return how many jobs have not succeeded."""
    rows = JobRow.select(pw.fn.COUNT(JobRow.id).alias("n")).where(JobRow.status != "succeeded")
    return int(store.database.rows(rows)[0]["n"])


if __name__ == "__main__":
    main()
