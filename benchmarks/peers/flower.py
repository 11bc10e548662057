"""Celery by HTTP: its jobs through Flower, and by the same client as ours."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.jobs import percentile
from benchmarks.peers.apps import marks
from benchmarks.peers.apps.client import PAUSE_SECONDS, WARM_UP, WARM_UP_TRIPS
from benchmarks.peers.peer import APPS, TRIPS, Peer, Place
from benchmarks.peers.processes import running
from benchmarks.peers.servers import answers, free_port
from benchmarks.speed.client import Connection, Flood, connect, flood, request
from benchmarks.speed.ours import CONNECTIONS
from tests.support.waiting import wait_for

EVENTS = "-E"
"""A worker's option: it tells Flower of its jobs."""
FINISHED = 100
"""So many jobs are asked for in turn."""
WAIT_SECONDS = 5
WAITS = 6
"""For a result, one after the other."""


def submission(job: str) -> bytes:
    """The request that submits a job."""
    return request("POST", f"/api/task/async-apply/{job}", b'{"args": []}')


@dataclass(frozen=True)
class Flower(Peer):
    """Measures by HTTP what the client measures of other peers."""

    def rate(self, jobs: int) -> tuple[float]:
        """Submitted and run, jobs a second."""
        with self.place() as place, self.serving(place) as port, self.working(place, EVENTS):
            self._until_present(place, port)
            self._flood(port, submission("noop"), WARM_UP)
            marks.until_all_ran(WARM_UP, place.folder)
            began = time.perf_counter()
            self._flood(port, submission("noop"), jobs)
            marks.until_all_ran(WARM_UP + jobs, place.folder)
            return (jobs / (time.perf_counter() - began),)

    def trip(self, jobs: int) -> tuple[float]:
        """From a submission to its result, which Flower waits for; median in ms."""
        with self.place() as place, self.serving(place) as port, self.working(place, EVENTS):
            self._until_present(place, port)
            return (1000 * percentile(asyncio.run(_trips(port)), 0.5),)

    def submit(self, jobs: int) -> tuple[float, float, float]:
        """Submissions a second while nothing runs, and how long one takes."""
        with self.place() as place, self.serving(place) as port:
            self._flood(port, submission("noop"), WARM_UP)
            sent = self._flood(port, submission("noop"), jobs)
        p50, p99 = (1000 * percentile(sent.latencies, share) for share in (0.5, 0.99))
        return sent.rate, p50, p99

    def status(self, jobs: int) -> tuple[float]:
        """What Flower itself knows of finished jobs, from its memory."""
        return (self._asked("info", jobs),)

    def result(self, jobs: int) -> tuple[float]:
        """Finished jobs with their results, from Redis."""
        return (self._asked("result", jobs),)

    def _asked(self, path: str, jobs: int) -> float:
        with self.place() as place, self.serving(place) as port, self.working(place, EVENTS):
            self._until_present(place, port)
            ids = asyncio.run(_finished(port))
            requests = [request("GET", f"/api/task/{path}/{job_id}") for job_id in ids]
            asked = (requests[n % FINISHED] for n in range(jobs))
            return asyncio.run(flood([port], CONNECTIONS, asked, 200)).rate

    @contextmanager
    def serving(self, place: Place) -> Iterator[int]:
        """A block of code in which Flower listens, at this port."""
        port = free_port()
        options = ["flower", "--address=127.0.0.1", f"--port={port}", "--logging=error"]
        command = [str(self.python), "-m", "celery", "-A", f"{APPS}.celery_app", *options]
        environ = {**place.environ, "FLOWER_UNAUTHENTICATED_API": "true"}
        with running(command, environ, place.folder):
            wait_for(lambda: answers(port), 20)
            yield port

    def _flood(self, port: int, asked: bytes, count: int) -> Flood:
        return asyncio.run(flood([port], CONNECTIONS, iter([asked] * count), 200))

    def _until_present(self, place: Place, port: int) -> None:
        def all_are() -> bool:
            self._flood(port, submission("present"), 3)
            return marks.present(place.folder) >= 3

        wait_for(all_are, marks.PATIENCE)


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
    """Wait for a job's result, which has to be the right one.

    Now and then, a wait of Flower's misses that it has come, and ends without it.
    """
    path = f"/api/task/result/{job_id}?timeout={WAIT_SECONDS}"
    for _ in range(WAITS):
        answer = await connection.ask(request("GET", path))
        found = json.loads(answer.partition(b"\r\n\r\n")[2])
        if "result" in found:
            break
    assert found.get("result") == marks.ANSWER, answer


async def _finished(port: int) -> list[str]:
    """Jobs that have ended, which both Redis and Flower know of."""
    connection = await connect(port)
    ids = [await _submit(connection) for _ in range(FINISHED)]
    deadline = time.monotonic() + marks.PATIENCE
    for job_id in ids:
        await _result(connection, job_id)
        while b'"SUCCESS"' not in await connection.ask(request("GET", f"/api/task/info/{job_id}")):
            assert time.monotonic() < deadline, f"Flower does not know of {job_id}"
            await asyncio.sleep(PAUSE_SECONDS)
    connection.close()
    return ids
