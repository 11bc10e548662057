"""Dramatiq on Redis, which also keeps the results that are asked for."""

import os
from contextlib import nullcontext

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.peers.apps import marks

WORKERS = 3

opened = nullcontext
broker = RedisBroker(url=os.environ["PEER_URL"])
broker.add_middleware(Results(backend=RedisBackend(url=os.environ["PEER_URL"])))
dramatiq.set_broker(broker)
noop = dramatiq.actor(marks.run_noop)
answer = dramatiq.actor(marks.run_answer, store_results=True)
present = dramatiq.actor(marks.run_present)


async def submit(count: int) -> None:
    """See client."""
    for _ in range(count):
        noop.send()


async def greet() -> None:
    """See client."""
    present.send()


async def trip() -> None:
    """See client. Redis tells of the result as soon as it is there."""
    found = answer.send().get_result(block=True, timeout=1000 * marks.PATIENCE)
    assert found == marks.ANSWER
