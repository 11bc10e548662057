"""Procrastinate on PostgreSQL. It stores no results, so the client polls the job's status."""

import asyncio
import os
import time

from procrastinate import App, PsycopgConnector

from benchmarks.peers.apps import coroutines, peer_jobs

WORKERS = int(os.environ["PEER_PROCESSES"])

connector = PsycopgConnector(conninfo=os.environ["PEER_URL"], min_size=4, max_size=16)
app = App(connector=connector)
opened = app.open_async
noop = app.task(name="noop")(coroutines.run_noop)
answer = app.task(name="answer")(coroutines.run_answer)
check_in_job = app.task(name="check_in")(coroutines.run_check_in)


async def submit(count: int) -> None:
    """Submit no-op jobs, see client.App."""
    await coroutines.submit_at_once(noop.defer_async, count)


async def check_in() -> None:
    """Submit a check-in job, see client.App."""
    await check_in_job.defer_async()


async def trip() -> None:
    """Submit a job and poll for its success, see client.App."""
    job = await answer.defer_async()
    deadline = time.monotonic() + peer_jobs.PATIENCE
    while (status := await app.job_manager.get_job_status_async(job)).value in ("todo", "doing"):
        assert time.monotonic() < deadline
        await asyncio.sleep(coroutines.POLL_SECONDS)
    assert status.value == "succeeded"
