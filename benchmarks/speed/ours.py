"""Measurements of this service, with real listeners and workers and no-op jobs."""

import asyncio
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.http_client import Flood, connect, flood, request
from benchmarks.peers.servers import POSTGRESQL
from storage.db.database import open_engine
from storage.db.models import JobRow
from storage.records.states import Status
from tests.support.programs import Service, running_service
from tests.support.waiting import wait_for

NOOP = json.dumps({"type": "noop", "payload": {}}).encode()
SUBMIT = request("POST", "/jobs", NOOP)
CONNECTIONS = 32
TYPES = "runner.job_types,benchmarks.speed.job_types"
Database = Callable[[Path], AbstractContextManager[str]]
"""Creates a database in a folder, or on a server of its own, and yields its URL."""


def sqlite(folder: Path) -> AbstractContextManager[str]:
    """A SQLite file in the folder."""
    return nullcontext(f"sqlite:///{folder}/jobs.db")


DATABASES: dict[str, Database] = {"sqlite": sqlite, "postgresql": POSTGRESQL.running}


@contextmanager
def service(workers: int = 1, database: Database = sqlite, **environ: str) -> Iterator[Service]:
    """A listener and workers with three processes each, on a new database."""
    environ = {"JOB_TYPES": TYPES, **environ}
    with (
        tempfile.TemporaryDirectory() as name,
        database(Path(name)) as url,
        running_service(url, Path(name), **environ) as running,
    ):
        for _ in range(workers):
            running.worker()
        yield running


def port_of(running: Service) -> int:
    """The port of the listener."""
    return int(running.base_url.rpartition(":")[2])


def submit(running: Service, count: int, connections: int = CONNECTIONS) -> Flood:
    """Submit jobs by HTTP."""
    return asyncio.run(flood([port_of(running)], connections, iter([SUBMIT] * count), 202))


def submit_and_run(count: int, database: Database = sqlite) -> tuple[float, Flood]:
    """Jobs per second from the first submission to the last end, and the submissions."""
    with service(database=database) as running:
        submit(running, 200)
        until_all_final(running)
        sent = submit(running, count)
        until_all_final(running)
        return count / seconds(running, count), sent


def submissions(count: int, database: Database = sqlite) -> Flood:
    """Submit jobs while no worker runs."""
    with service(workers=0, database=database) as running:
        submit(running, 200)
        return submit(running, count)


def submit_sequentially(count: int, database: Database = sqlite) -> Flood:
    """Submit jobs over one connection, one after the other, while a worker runs them."""
    with service(database=database) as running:
        submit(running, 200)
        until_all_final(running)
        sent = submit(running, count, connections=1)
        until_all_final(running)
        return sent


def queue_filled(count: int, database: Database = sqlite, callers: int = 1) -> float:
    """Jobs per second from the first claim, with all jobs queued before the worker starts.

    The callers have submitted them in turn, one job each.
    """
    with service(workers=0, database=database) as running:
        submit(running, count)
        with reading(running), JobRow._meta.database.atomic():
            for number, row in enumerate(JobRow.select(JobRow.id).order_by(JobRow.id)):
                name = f"caller-{number % callers}"
                JobRow.update(submitted_by=name).where(JobRow.id == row.id).execute()
        running.worker()
        until_all_final(running)
        return count / seconds(running, count, since="started_at")


def round_trips(count: int, database: Database = sqlite) -> list[float]:
    """Seconds from each submission to the answer that the job has finished, on an idle service."""

    async def measure(port: int) -> list[float]:
        connection, found = await connect(port), []
        loop = asyncio.get_running_loop()
        for _ in range(count):
            await asyncio.sleep(0.01)
            began = loop.time()
            answer = await connection.ask(SUBMIT)
            job_id = job_ids(answer)[0]
            answer = await connection.ask(request("GET", f"/jobs/{job_id}?wait=10"))
            found.append(loop.time() - began)
            assert b'"succeeded"' in answer, answer
        connection.close()
        return found

    with service(database=database) as running:
        return asyncio.run(measure(port_of(running)))


def statuses(count: int, database: Database = sqlite, listeners: int = 1) -> Flood:
    """Request finished jobs in turn."""
    with service(database=database) as running:
        others = [running.program("server") for _ in range(listeners - 1)]
        ports = [port_of(running), *(other.logged("listening")["port"] for other in others)]
        submit(running, 200)
        until_all_final(running)
        _, page = running.call("GET", "/jobs?limit=100")
        asked = [request("GET", f"/jobs/{item['job_id']}") for item in page["items"]]
        requests = (asked[n % len(asked)] for n in range(count))
        return asyncio.run(flood(ports, CONNECTIONS, requests, 200))


def job_ids(answer: bytes) -> list[str]:
    """The ids of the jobs in an answer."""
    return re.findall(r'"job_id": ?"([^"]+)"', answer.decode())


def until_all_final(running: Service) -> None:
    """Wait until no job is queued or running."""

    def none_left() -> bool:
        with reading(running):
            return not JobRow.select().where(JobRow.finished_at.is_null()).exists()

    wait_for(none_left, timeout=120)


@contextmanager
def reading(running: Service) -> Iterator[None]:
    """A block in which the models are bound to the service's database, to read its jobs."""
    engine = open_engine(running.environ["DATABASE_URL"]).peewee
    with engine.connection_context(), JobRow.bind_ctx(engine):
        yield


def ends(running: Service) -> list[int]:
    """The times at which the jobs succeeded, in ms by the store's clock, in order."""
    with reading(running):
        jobs: list[Any] = list(JobRow.select())
    assert {job.status for job in jobs} == {Status.SUCCEEDED}
    return sorted(job.finished_at for job in jobs)


def seconds(running: Service, count: int, since: str = "created_at") -> float:
    """Seconds from the first `since` to the last end of the newest jobs, by the store's clock."""
    with reading(running):
        jobs: list[Any] = list(JobRow.select().order_by(JobRow.id.desc()).limit(count))
    assert {job.status for job in jobs} == {Status.SUCCEEDED}
    took: int = max(job.finished_at for job in jobs) - min(getattr(job, since) for job in jobs)
    return took / 1000
