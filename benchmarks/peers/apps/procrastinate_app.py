"""Procrastinate on PostgreSQL. It keeps no results: a client asks for the job's status."""

import asyncio
import os
import time

from procrastinate import App, PsycopgConnector

from benchmarks.peers.apps import coroutines, marks

WORKERS = int(os.environ["PEER_PROCESSES"])

connector = PsycopgConnector(conninfo=os.environ["PEER_URL"], min_size=4, max_size=16)
app = App(connector=connector)
opened = app.open_async
noop = app.task(name="noop")(coroutines.run_noop)
answer = app.task(name="answer")(coroutines.run_answer)
present = app.task(name="present")(coroutines.run_present)


async def submit(count: int) -> None:
    """See client."""
    await coroutines.submit_at_once(noop.defer_async, count)


async def greet() -> None:
    """See client."""
    await present.defer_async()


async def trip() -> None:
    """See client."""
    job = await answer.defer_async()
    deadline = time.monotonic() + marks.PATIENCE
    while (status := await app.job_manager.get_job_status_async(job)).value in ("todo", "doing"):
        assert time.monotonic() < deadline
        await asyncio.sleep(coroutines.POLL_SECONDS)
    assert status.value == "succeeded"
