"""taskiq on Redis. Jobs are coroutines in the event loops of three processes."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from benchmarks.peers.apps import coroutines, peer_jobs

WORKERS = 3
URL = os.environ["PEER_URL"]

broker = ListQueueBroker(URL)
if os.environ.get("PEER_RESULTS") == "yes":
    broker = broker.with_result_backend(RedisAsyncResultBackend(URL))
noop = broker.task(coroutines.run_noop)
answer = broker.task(coroutines.run_answer)
check_in_job = broker.task(coroutines.run_check_in)


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    """Start the broker, and shut it down at the end."""
    await broker.startup()
    yield
    await broker.shutdown()


async def submit(count: int) -> None:
    """Submit no-op jobs, see client.App."""
    await coroutines.submit_at_once(noop.kiq, count)


async def check_in() -> None:
    """Submit a check-in job, see client.App."""
    await check_in_job.kiq()


async def trip() -> None:
    """Submit a job and poll for its answer, see client.App."""
    task = await answer.kiq()
    found = await task.wait_result(
        check_interval=coroutines.POLL_SECONDS, timeout=peer_jobs.PATIENCE
    )
    assert found.return_value == peer_jobs.ANSWER
