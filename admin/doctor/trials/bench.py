"""`doctor --bench`: the figures of this machine, beside those of docs/performance.md.

As `python -m benchmarks.speed` does, but each figure once, and with what the image has: one
listener, one worker with three processes, and 32 connections on the same machine.
"""

import asyncio
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from admin.doctor.checks.file_systems import sync_seconds
from admin.doctor.findings.subject import Subject
from admin.doctor.trials import documented
from admin.doctor.trials.documented import Figure
from admin.doctor.trials.http_client import Flood, connect, flood, request
from admin.doctor.trials.programs import program
from admin.doctor.trials.scratch import Scratch, plain_environment, scratch_store
from storage.records.job import StoreError

JOBS, TRIPS, CONNECTIONS = 2000, 100, 32
_PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 0.01
_TYPE = '''"""A job type that does nothing, to measure only the service."""

from typing import Any

from runner.job_types.base import Context, JobType, Payload


class NoopPayload(Payload):
    """It has no fields."""


class Noop(JobType[NoopPayload]):
    """Returns at once."""

    name = "noop"
    Payload = NoopPayload
    upload = "none"

    def run(self, payload: NoopPayload, context: Context) -> Any:
        """Return at once."""
        return None
'''
SUBMIT = request("POST", "/jobs", json.dumps({"type": "noop", "payload": {}}).encode())


def run_bench(subject: Subject, show: Callable[[str], None], jobs: int = JOBS) -> int:
    """Measure, and show a table; return the exit code. Raises StoreError."""
    show(f"{'this machine':>14}{'documented':>12}{'ratio':>7}")
    with scratch_store(subject) as scratch:
        for figure, value in _figures(scratch, jobs):
            ratio = value / figure.value if figure.unit == "/s" else figure.value / value
            numbers = f"{_number(figure, value):>14}{_number(figure, figure.value):>12}"
            show(f"{numbers}{ratio:>7.2f}  {figure.text}")
        show(f"{1000 * sync_seconds(scratch.folder):>11.2f} ms{'':>19}  a sync of 4 KiB, median")
    show("ratio: above 1 is better than documented, on two cores (docs/performance.md)")
    return 0


def _number(figure: Figure, value: float) -> str:
    return f"{value:,.0f} {figure.unit}" if figure.unit == "/s" else f"{value:,.1f} {figure.unit}"


def _figures(scratch: Scratch, jobs: int) -> Iterator[tuple[Figure, float]]:
    environ = _environment(scratch)
    with ExitStack() as stack:
        entry = stack.enter_context(program("server", scratch.folder, environ, "listening"))
        bench = _Bench(int(str(entry["port"])), Subject(environ))
        stack.callback(bench.subject.close)
        bench.flood(SUBMIT, jobs // 10, 202)  # warms the listener up
        yield documented.SUBMISSIONS, bench.flood(SUBMIT, jobs, 202).rate
        with program("runner", scratch.folder, environ, "ready"):
            yield documented.FILLED, bench.rate("started_at", jobs)
            sent = bench.flood(SUBMIT, jobs, 202)
            yield documented.SUBMITTED_AND_RUN, bench.rate("created_at", len(sent.latencies))
            yield documented.TRIP, 1000 * statistics.median(asyncio.run(bench.trips(TRIPS)))
            answer = asyncio.run(_ask(bench.port, request("GET", "/jobs?limit=1")))
            get = request("GET", f"/jobs/{_job_id(answer)}")
            yield documented.STATUSES, bench.flood(get, jobs, 200).rate


def _environment(scratch: Scratch) -> dict[str, str]:
    """Return the environment of the programs, and put the job type in place."""
    types = scratch.folder / "types"
    types.mkdir()
    (types / "noop.py").write_text(_TYPE)
    return {
        **plain_environment(),
        "DATA_DIR": str(scratch.folder / "data"),
        "DATABASE_URL": scratch.url,
        "JOB_TYPES_FOLDER": str(types),
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_FORMAT": "json",
    }


class _Bench:
    """The listener on a port of this machine, and its store."""

    def __init__(self, port: int, subject: Subject):
        self.port = port
        self.subject = subject

    def flood(self, asked: bytes, count: int, status: int) -> Flood:
        """Send a request many times, over all connections."""
        return asyncio.run(flood([self.port], CONNECTIONS, iter([asked] * count), status))

    def rate(self, since: str, count: int) -> float:
        """Return the jobs per second of the newest jobs, from the first time `since` on."""
        return count / self.seconds(count, since)

    def seconds(self, count: int, since: str) -> float:
        """Wait until all jobs have ended. Return the seconds from the first time to the last end of
        the newest jobs, by the clock of the store."""
        self._wait_for_ends()
        newest = f"SELECT {since} AS began, finished_at FROM job ORDER BY id DESC LIMIT {count}"
        rows = self._rows(f"SELECT max(finished_at) - min(began) FROM ({newest}) AS newest")
        return max(1, int(str(rows[0][0]))) / 1000

    async def trips(self, count: int) -> list[float]:
        """Return the seconds from each submission to the answer that the job has ended."""
        connection, found = await connect(self.port), list[float]()
        for _ in range(count):
            await asyncio.sleep(_PAUSE_SECONDS)
            began = time.perf_counter()
            job_id = _job_id(await connection.ask(SUBMIT))
            await connection.ask(request("GET", f"/jobs/{job_id}?wait=10"))
            found.append(time.perf_counter() - began)
        connection.close()
        return found

    def _wait_for_ends(self) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._rows("SELECT count(*) FROM job WHERE finished_at IS NULL")[0][0]:
            if time.monotonic() > until:
                raise StoreError(f"the jobs have not ended after {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_PAUSE_SECONDS)

    def _rows(self, sql: str) -> list[tuple[object, ...]]:
        return list(self.subject.reader(100.0).rows(sql))


async def _ask(port: int, asked: bytes) -> bytes:
    connection = await connect(port)
    try:
        return await connection.ask(asked)
    finally:
        connection.close()


def _job_id(answer: bytes) -> str:
    found = re.search(r'"job_id": ?"([^"]+)"', answer.decode())
    if found is None:
        raise StoreError(f"the listener of the trial has answered {answer[:200]!r}")
    return found[1]
