"""The client of a peer, run by the peer's own Python; prints the measured value as JSON.

    python -m benchmarks.peers.apps.client APP MEASURE COUNT

An app is a module in this folder with

    WORKERS             the number of processes that run jobs
    opened()            a context manager for the time in which jobs are submitted
    submit(count)       submits no-op jobs, with one call for each
    check_in()          submits a job that records which process runs it
    trip()              submits a job, waits for its answer, and checks it
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from benchmarks.peers.apps import peer_jobs

WARM_UP = 200
WARM_UP_TRIPS = 20
PAUSE_SECONDS = 0.01


class App(Protocol):
    """The module of a peer."""

    WORKERS: int

    def opened(self) -> AbstractAsyncContextManager[Any]: ...

    async def submit(self, count: int) -> None: ...

    async def check_in(self) -> None: ...

    async def trip(self) -> None: ...


async def rate(app: App, count: int) -> float:
    """Jobs per second, from the first submission to the run of the last job."""
    await until_all_checked_in(app)
    await app.submit(WARM_UP)
    peer_jobs.until_all_ran(WARM_UP)
    began = time.perf_counter()
    await app.submit(count)
    peer_jobs.until_all_ran(WARM_UP + count)
    return count / (time.perf_counter() - began)


async def sequential(app: App, count: int) -> float:
    """Submissions per second, one after the other, while the worker runs them."""
    await until_all_checked_in(app)
    await app.submit(WARM_UP)
    peer_jobs.until_all_ran(WARM_UP)
    began = time.perf_counter()
    await app.submit(count)
    return count / (time.perf_counter() - began)


async def fill(app: App, count: int) -> None:
    """Submit jobs while no worker runs."""
    await app.submit(count)


async def trips(app: App, count: int) -> list[float]:
    """Seconds from a submission to its answer, for one job after another."""
    await until_all_checked_in(app)
    seconds = []
    for _ in range(WARM_UP_TRIPS + count):
        await asyncio.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        await app.trip()
        seconds.append(time.perf_counter() - began)
    return seconds[WARM_UP_TRIPS:]


async def until_all_checked_in(app: App) -> None:
    """Submit check-in jobs until each process has run one."""
    deadline = time.monotonic() + peer_jobs.PATIENCE
    while peer_jobs.checked_in() < app.WORKERS:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {peer_jobs.checked_in()} of {app.WORKERS} processes run jobs")
        for _ in range(app.WORKERS):
            await app.check_in()
        await asyncio.sleep(peer_jobs.CHECK_IN_SECONDS * 2)


MEASURES: dict[str, Callable[[App, int], Any]] = {
    "rate": rate,
    "sequential": sequential,
    "fill": fill,
    "trips": trips,
}


async def main(name: str, measure: str, count: int) -> None:
    """Measure, and print the value."""
    app: Any = importlib.import_module(f"benchmarks.peers.apps.{name}_app")
    async with app.opened():
        found = await MEASURES[measure](app, count)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
