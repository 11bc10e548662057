"""taskiq on Redis: jobs are coroutines in the loops of three processes."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from benchmarks.peers.apps import coroutines, marks

WORKERS = 3
URL = os.environ["PEER_URL"]

broker = ListQueueBroker(URL)
if os.environ.get("PEER_RESULTS") == "yes":
    broker = broker.with_result_backend(RedisAsyncResultBackend(URL))
noop = broker.task(coroutines.run_noop)
answer = broker.task(coroutines.run_answer)
present = broker.task(coroutines.run_present)


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    """See client."""
    await broker.startup()
    yield
    await broker.shutdown()


async def submit(count: int) -> None:
    """See client."""
    await coroutines.submit_at_once(noop.kiq, count)


async def greet() -> None:
    """See client."""
    await present.kiq()


async def trip() -> None:
    """See client."""
    task = await answer.kiq()
    found = await task.wait_result(check_interval=coroutines.POLL_SECONDS, timeout=marks.PATIENCE)
    assert found.return_value == marks.ANSWER
