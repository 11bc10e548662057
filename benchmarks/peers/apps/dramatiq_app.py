"""Dramatiq on Redis, which also stores the results that are read."""

import os
from contextlib import nullcontext

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.peers.apps import peer_jobs

WORKERS = 3

opened = nullcontext
broker = RedisBroker(url=os.environ["PEER_URL"])
broker.add_middleware(Results(backend=RedisBackend(url=os.environ["PEER_URL"])))
dramatiq.set_broker(broker)
noop = dramatiq.actor(peer_jobs.run_noop)
answer = dramatiq.actor(peer_jobs.run_answer, store_results=True)
check_in_job = dramatiq.actor(peer_jobs.run_check_in)


async def submit(count: int) -> None:
    """Submit no-op jobs, see client.App."""
    for _ in range(count):
        noop.send()


async def check_in() -> None:
    """Submit a check-in job, see client.App."""
    check_in_job.send()


async def trip() -> None:
    """Submit a job and wait for its answer, see client.App. Redis pushes the result."""
    found = answer.send().get_result(block=True, timeout=1000 * peer_jobs.PATIENCE)
    assert found == peer_jobs.ANSWER
