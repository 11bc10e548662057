"""RQ on Redis. Each job runs in a fork of its worker."""

import os
from contextlib import nullcontext

from redis import Redis
from rq import Queue

from benchmarks.peers.apps import peer_jobs

WORKERS = 3

opened = nullcontext
queue = Queue(connection=Redis.from_url(os.environ["PEER_URL"]))


def run_check_in() -> None:
    """Record the worker that has forked this process."""
    peer_jobs.run_check_in(os.getppid())


async def submit(count: int) -> None:
    """Submit no-op jobs, see client.App. Finished jobs are not stored."""
    for _ in range(count):
        queue.enqueue(peer_jobs.run_noop, result_ttl=0)


async def check_in() -> None:
    """Submit a check-in job, see client.App."""
    queue.enqueue(run_check_in, result_ttl=0)


async def trip() -> None:
    """Submit a job and wait for its answer, see client.App. Redis pushes the result."""
    found = queue.enqueue(peer_jobs.run_answer).latest_result(timeout=peer_jobs.PATIENCE)
    assert found is not None
    assert found.return_value == peer_jobs.ANSWER
