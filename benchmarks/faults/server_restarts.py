"""Measures restarts of PostgreSQL under load, with two listeners and two workers.

    python -m benchmarks.faults.server_restarts [--restarts 10] [--down 1]

While clients submit short jobs to both listeners, the server is stopped and started again.
Immediate stops, which resemble a crash, alternate with fast ones. Commits are synced. Times are
measured by the server's clock, from the moment at which it accepts connections again:

claim           the first attempt has begun
acknowledgment  each listener has acknowledged a job

Exits with code 1 unless each acknowledged job has run exactly once and all programs still run.
"""

import argparse
import http.client
import itertools
import json
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import connect

from tests.support.programs import Program, running_service
from tests.support.servers.postgres import PostgresServer, running_server
from tests.support.waiting import wait_for

STOPS = {"immediate": signal.SIGQUIT, "fast": signal.SIGINT}
CLIENTS = 4
PAUSE_SECONDS = 0.02
CALM_SECONDS = 3.0
MAX_SECONDS = 60
MEASURES = ("claim", "acknowledgment")
FIRST_CLAIM = "SELECT min(started_at) FROM attempt WHERE started_at > %s"
OPEN = "SELECT count(*) FROM job WHERE finished_at IS NULL"
NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class Client(threading.Thread):
    """Submits jobs to a listener one after the other. Each job appends its id to a file."""

    def __init__(self, port: int, folder: Path):
        super().__init__(daemon=True)
        self._port = port
        payload = {"notes": str(folder / "notes"), "gate": str(folder)}
        self._body = json.dumps({"type": "gated", "payload": payload}).encode()
        self._stopping = threading.Event()
        self.acknowledged: list[tuple[float, str]] = []
        """Unix times and job ids."""
        self.in_doubt: list[str] = []
        self.refused = 0

    def run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            connection.request("POST", "/jobs", self._body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            self._record(response.status, json.load(response))
            connection.close()

    def stop(self) -> None:
        """Stop submitting."""
        self._stopping.set()
        self.join()

    def _record(self, status: int, answer: dict[str, str]) -> None:
        if status == 202:
            self.acknowledged.append((time.time(), answer["job_id"]))
        elif status == 503 and "job_id" in answer:
            self.in_doubt.append(answer["job_id"])
        elif status == 503:
            self.refused += 1
        else:
            raise AssertionError((status, answer))


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.server_restarts")
    parser.add_argument("--restarts", type=int, default=10, help="of each kind")
    parser.add_argument("--down", type=float, default=1.0, help="seconds between stop and start")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        running_server(synced=True) as server,
        running_service(server.url("postgres"), Path(name)) as service,
    ):
        listeners = [service.listener, service.program("server")]
        ports = [listener.logged("listening")["port"] for listener in listeners]
        workers = [service.worker() for _ in range(2)]
        clients = [Client(port, Path(name)) for port in ports for _ in range(CLIENTS // 2)]
        for client in clients:
            client.start()
        found = measure(server, clients, options.restarts, options.down)
        for client in clients:
            client.stop()
        lines, problems = account(server, Path(name), clients, [*listeners, *workers])
        sys.stdout.write("\n".join([*table(found), "", *lines, ""]))
        sys.exit("\n".join(problems) or None)


def measure(
    server: PostgresServer, clients: Sequence[Client], restarts: int, down: float
) -> dict[str, list[dict[str, float]]]:
    """Restart the server with both kinds of stop in turn; returns seconds by kind."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in STOPS}
    for name in itertools.islice(itertools.cycle(STOPS), restarts * len(STOPS)):
        time.sleep(CALM_SECONDS)
        server.stop(STOPS[name])
        time.sleep(down)
        server.start()
        found[name].append(after_start(server, clients))
        sys.stderr.write(f"{name}: {found[name][-1]}\n")
    return found


def after_start(server: PostgresServer, clients: Sequence[Client]) -> dict[str, float]:
    """Return the seconds from when the server accepts connections."""
    with connect(server.url("postgres"), autocommit=True) as connection:
        up_at = int(ask(connection, NOW))
        claimed_at = wait_for(lambda: ask(connection, FIRST_CLAIM, up_at), MAX_SECONDS)
    up = up_at / 1000
    firsts = [wait_for(partial(acknowledged_after, each, up), MAX_SECONDS) for each in clients]
    return {"claim": claimed_at / 1000 - up, "acknowledgment": max(firsts) - up}


def ask(connection: Any, query: str, *values: Any) -> Any:
    """Return the single value of a query."""
    return connection.execute(query, values).fetchone()[0]


def acknowledged_after(client: Client, moment: float) -> float | None:
    """Return the time of a client's first acknowledgment after a moment, or None."""
    return next((at for at, _ in client.acknowledged if at > moment), None)


def account(
    server: PostgresServer, folder: Path, clients: Sequence[Client], programs: Sequence[Program]
) -> tuple[list[str], list[str]]:
    """Return a summary of all jobs, and the problems found."""
    with connect(server.url("postgres"), autocommit=True) as connection:
        wait_for(lambda: ask(connection, OPEN) == 0, MAX_SECONDS)
        stored = {str(row[0]): row[1] for row in connection.execute("SELECT id, status FROM job")}
    begun = Counter((folder / "notes").read_text().split())
    acknowledged = [job_id for client in clients for _, job_id in client.acknowledged]
    doubtful = [job_id for client in clients for job_id in client.in_doubt]
    lost = [job_id for job_id in acknowledged if stored.get(job_id) != "succeeded"]
    twice = [job_id for job_id, times in begun.items() if times > 1]
    ended = [program for program in programs if program.process.poll() is not None]
    lines = [
        f"acknowledged: {len(acknowledged)}, lost: {len(lost)}",
        f"in doubt: {len(doubtful)}, of which stored: {sum(each in stored for each in doubtful)}",
        f"refused: {sum(client.refused for client in clients)}",
        f"jobs that began twice or more: {len(twice)}",
        f"programs that ended: {len(ended)} of {len(programs)}",
    ]
    failed = lost or twice or ended or begun.keys() != stored.keys()
    return lines, ["jobs were lost or repeated, or a program has ended"] if failed else []


def table(found: dict[str, list[dict[str, float]]]) -> list[str]:
    """Return a table of the times."""
    head = f"| from when the server answers, s |{'|'.join(f' {name} ' for name in MEASURES)}|"
    rows = [
        f"| {name} stop, {len(rounds)} times, median and most |"
        + "|".join(f" {_figures([each[measure] for each in rounds])} " for measure in MEASURES)
        + "|"
        for name, rounds in found.items()
    ]
    return [head, "|---" * (len(MEASURES) + 1) + "|", *rows]


def _figures(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f}, {max(seconds):.2f}"


if __name__ == "__main__":
    main()
