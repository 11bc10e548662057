"""Celery on Redis, which also stores the results that are read."""

import os
from contextlib import nullcontext

from celery import Celery

from benchmarks.peers.apps import peer_jobs
from benchmarks.peers.apps.holding import run_hold

WORKERS = 3

opened = nullcontext
app = Celery("peers", broker=os.environ["PEER_URL"], backend=os.environ["PEER_URL"])
app.conf.broker_connection_retry_on_startup = True
noop = app.task(peer_jobs.run_noop, name="noop", ignore_result=True)
answer = app.task(peer_jobs.run_answer, name="answer")
check_in_job = app.task(peer_jobs.run_check_in, name="check_in", ignore_result=True)
hold = app.task(run_hold, name="hold", ignore_result=True)


async def submit(count: int) -> None:
    """Submit no-op jobs, see client.App."""
    for _ in range(count):
        noop.delay()


async def check_in() -> None:
    """Submit a check-in job, see client.App."""
    check_in_job.delay()


async def trip() -> None:
    """Submit a job and wait for its answer, see client.App. Redis pushes the result."""
    assert answer.delay().get(timeout=peer_jobs.PATIENCE) == peer_jobs.ANSWER
