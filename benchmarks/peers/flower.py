"""Celery by HTTP: its jobs through Flower, with the same client as for our service."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.http_client import Connection, Flood, connect, flood, request
from benchmarks.jobs import percentile
from benchmarks.peers.apps import peer_jobs
from benchmarks.peers.apps.client import PAUSE_SECONDS, WARM_UP, WARM_UP_TRIPS
from benchmarks.peers.peer import APPS, TRIPS, Peer, Workspace
from benchmarks.peers.processes import running
from benchmarks.peers.servers import answers
from benchmarks.speed.ours import CONNECTIONS
from tests.support.ports import free_port
from tests.support.waiting import wait_for

EVENTS = "-E"
"""A worker's option to send events to Flower."""
FINISHED = 100
"""The number of jobs that are requested in turn."""
WAIT_SECONDS = 5
WAITS = 6
"""The maximum number of waits for a result, one after another."""


def submission(job: str) -> bytes:
    """The request that submits a job."""
    return request("POST", f"/api/task/async-apply/{job}", b'{"args": []}')


@dataclass(frozen=True)
class Flower(Peer):
    """Measures by HTTP the values that the client measures for other peers."""

    def rate(self, jobs: int) -> tuple[float]:
        """Jobs per second, submitted and run."""
        with (
            self.workspace() as workspace,
            self.serving(workspace) as port,
            self.working(workspace, EVENTS),
        ):
            self._until_checked_in(workspace, port)
            self._flood(port, submission("noop"), WARM_UP)
            peer_jobs.until_all_ran(WARM_UP, workspace.folder)
            began = time.perf_counter()
            self._flood(port, submission("noop"), jobs)
            peer_jobs.until_all_ran(WARM_UP + jobs, workspace.folder)
            return (jobs / (time.perf_counter() - began),)

    def trip(self, jobs: int) -> tuple[float]:
        """Median ms from a submission to its result, for which Flower waits."""
        with (
            self.workspace() as workspace,
            self.serving(workspace) as port,
            self.working(workspace, EVENTS),
        ):
            self._until_checked_in(workspace, port)
            return (1000 * percentile(asyncio.run(_trips(port)), 0.5),)

    def submit(self, jobs: int) -> tuple[float, float, float]:
        """Submissions per second while no worker runs, and their latencies in ms."""
        with self.workspace() as workspace, self.serving(workspace) as port:
            self._flood(port, submission("noop"), WARM_UP)
            sent = self._flood(port, submission("noop"), jobs)
        p50, p99 = (1000 * percentile(sent.latencies, share) for share in (0.5, 0.99))
        return sent.rate, p50, p99

    def status(self, jobs: int) -> tuple[float]:
        """Requests per second for finished jobs, which Flower answers from its memory."""
        return (self._asked("info", jobs),)

    def result(self, jobs: int) -> tuple[float]:
        """Requests per second for results, which Flower reads from Redis."""
        return (self._asked("result", jobs),)

    def _asked(self, path: str, jobs: int) -> float:
        with (
            self.workspace() as workspace,
            self.serving(workspace) as port,
            self.working(workspace, EVENTS),
        ):
            self._until_checked_in(workspace, port)
            ids = asyncio.run(_finished(port))
            requests = [request("GET", f"/api/task/{path}/{job_id}") for job_id in ids]
            cycled = (requests[n % FINISHED] for n in range(jobs))
            return asyncio.run(flood([port], CONNECTIONS, cycled, 200)).rate

    @contextmanager
    def serving(self, workspace: Workspace) -> Iterator[int]:
        """A block in which Flower listens at the yielded port."""
        port = free_port()
        options = ["flower", "--address=127.0.0.1", f"--port={port}", "--logging=error"]
        command = [str(self.python), "-m", "celery", "-A", f"{APPS}.celery_app", *options]
        environ = {**workspace.environ, "FLOWER_UNAUTHENTICATED_API": "true"}
        with running(command, environ, workspace.folder):
            wait_for(lambda: answers(port), 20)
            yield port

    def _flood(self, port: int, message: bytes, count: int) -> Flood:
        return asyncio.run(flood([port], CONNECTIONS, iter([message] * count), 200))

    def _until_checked_in(self, workspace: Workspace, port: int) -> None:
        def all_are() -> bool:
            self._flood(port, submission("check_in"), 3)
            return peer_jobs.checked_in(workspace.folder) >= 3

        wait_for(all_are, peer_jobs.PATIENCE)


async def _trips(port: int) -> list[float]:
    connection, seconds = await connect(port), []
    for _ in range(WARM_UP_TRIPS + TRIPS):
        await asyncio.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        job_id = await _submit(connection)
        await _result(connection, job_id)
        seconds.append(time.perf_counter() - began)
    connection.close()
    return seconds[WARM_UP_TRIPS:]


async def _submit(connection: Connection) -> str:
    answer = await connection.ask(submission("answer"))
    found = re.search(rb'"task-id": ?"([^"]+)"', answer)
    assert found, answer
    return found[1].decode()


async def _result(connection: Connection, job_id: str) -> None:
    """Wait for a job's result, and check it.

    Flower sometimes misses that the result has arrived, and ends a wait without it.
    """
    path = f"/api/task/result/{job_id}?timeout={WAIT_SECONDS}"
    for _ in range(WAITS):
        answer = await connection.ask(request("GET", path))
        found = json.loads(answer.partition(b"\r\n\r\n")[2])
        if "result" in found:
            break
    assert found.get("result") == peer_jobs.ANSWER, answer


async def _finished(port: int) -> list[str]:
    """Run jobs until both Redis and Flower know that they have finished; return their ids."""
    connection = await connect(port)
    ids = [await _submit(connection) for _ in range(FINISHED)]
    deadline = time.monotonic() + peer_jobs.PATIENCE
    for job_id in ids:
        await _result(connection, job_id)
        while b'"SUCCESS"' not in await connection.ask(request("GET", f"/api/task/info/{job_id}")):
            assert time.monotonic() < deadline, f"Flower does not know of {job_id}"
            await asyncio.sleep(PAUSE_SECONDS)
    connection.close()
    return ids
