"""Celery on Redis, which also keeps the results that are asked for."""

import os
from contextlib import nullcontext

from celery import Celery

from benchmarks.peers.apps import marks
from benchmarks.peers.apps.holding import run_hold

WORKERS = 3

opened = nullcontext
app = Celery("peers", broker=os.environ["PEER_URL"], backend=os.environ["PEER_URL"])
app.conf.broker_connection_retry_on_startup = True
noop = app.task(marks.run_noop, name="noop", ignore_result=True)
answer = app.task(marks.run_answer, name="answer")
present = app.task(marks.run_present, name="present", ignore_result=True)
hold = app.task(run_hold, name="hold", ignore_result=True)


async def submit(count: int) -> None:
    """See client."""
    for _ in range(count):
        noop.delay()


async def greet() -> None:
    """See client."""
    present.delay()


async def trip() -> None:
    """See client. Redis tells of the result as soon as it is there."""
    assert answer.delay().get(timeout=marks.PATIENCE) == marks.ANSWER
