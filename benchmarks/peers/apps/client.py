"""The client of a peer, run by the peer's own Python; prints what it measured as JSON.

    python -m benchmarks.peers.apps.client APP MEASURE COUNT

An app is a module beside this one that has

    WORKERS             how many processes run jobs
    opened()            a block of code in which jobs are submitted
    submit(count)       submit so many no-op jobs, one a call
    greet()             submit a job that tells which process has run it
    trip()              submit a job and wait for its answer, which is checked
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from benchmarks.peers.apps import marks

WARM_UP = 200
WARM_UP_TRIPS = 20
PAUSE_SECONDS = 0.01


class App(Protocol):
    """The module of a peer."""

    WORKERS: int

    def opened(self) -> AbstractAsyncContextManager[Any]: ...

    async def submit(self, count: int) -> None: ...

    async def greet(self) -> None: ...

    async def trip(self) -> None: ...


async def rate(app: App, count: int) -> float:
    """Jobs a second from the first submission to the run of the last."""
    await all_present(app)
    await app.submit(WARM_UP)
    marks.until_all_ran(WARM_UP)
    began = time.perf_counter()
    await app.submit(count)
    marks.until_all_ran(WARM_UP + count)
    return count / (time.perf_counter() - began)


async def fill(app: App, count: int) -> None:
    """Submit jobs while nothing runs."""
    await app.submit(count)


async def trips(app: App, count: int) -> list[float]:
    """Seconds from a submission to its answer, one after the other."""
    await all_present(app)
    seconds = []
    for _ in range(WARM_UP_TRIPS + count):
        await asyncio.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        await app.trip()
        seconds.append(time.perf_counter() - began)
    return seconds[WARM_UP_TRIPS:]


async def all_present(app: App) -> None:
    """Submit jobs until each process has run one."""
    deadline = time.monotonic() + marks.PATIENCE
    while marks.present() < app.WORKERS:
        if time.monotonic() > deadline:
            raise SystemExit(f"{marks.present()} of {app.WORKERS} processes run jobs")
        for _ in range(app.WORKERS):
            await app.greet()
        await asyncio.sleep(marks.PRESENT_SECONDS * 2)


MEASURES: dict[str, Callable[[App, int], Any]] = {"rate": rate, "fill": fill, "trips": trips}


async def main(name: str, measure: str, count: int) -> None:
    """Measure, and print it."""
    app: Any = importlib.import_module(f"benchmarks.peers.apps.{name}_app")
    async with app.opened():
        found = await MEASURES[measure](app, count)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
