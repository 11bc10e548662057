"""RQ on Redis; each job in a fork of its worker."""

import os
from contextlib import nullcontext

from redis import Redis
from rq import Queue

from benchmarks.peers.apps import marks

WORKERS = 3

opened = nullcontext
queue = Queue(connection=Redis.from_url(os.environ["PEER_URL"]))


def run_present() -> None:
    """Tell which worker has forked this process."""
    marks.run_present(os.getppid())


async def submit(count: int) -> None:
    """See client. Nothing is kept of a job that has ended."""
    for _ in range(count):
        queue.enqueue(marks.run_noop, result_ttl=0)


async def greet() -> None:
    """See client."""
    queue.enqueue(run_present, result_ttl=0)


async def trip() -> None:
    """See client. Redis tells of the result as soon as it is there."""
    found = queue.enqueue(marks.run_answer).latest_result(timeout=marks.PATIENCE)
    assert found is not None
    assert found.return_value == marks.ANSWER
