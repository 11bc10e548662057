"""Huey on SQLite, with each commit synced. Both the worker and a client that waits poll."""

import os
import time
from contextlib import nullcontext

from huey import SqliteHuey

from benchmarks.peers.apps import peer_jobs

WORKERS = 3
POLL_SECONDS = 0.001
FAST = os.environ.get("PEER_POLLING") == "fast"

huey = SqliteHuey(
    filename=str(peer_jobs.FOLDER / "huey.db"), fsync=True, timeout=peer_jobs.PATIENCE
)
noop = huey.task()(peer_jobs.run_noop)
answer = huey.task()(peer_jobs.run_answer)
check_in_job = huey.task()(peer_jobs.run_check_in)
opened = nullcontext


async def submit(count: int) -> None:
    """Submit no-op jobs, see client.App."""
    for _ in range(count):
        noop()


async def check_in() -> None:
    """Submit a check-in job, see client.App."""
    check_in_job()


async def trip() -> None:
    """Submit a job and poll for its answer, see client.App."""
    result = answer()
    if not FAST:
        assert result.get(blocking=True, timeout=peer_jobs.PATIENCE) == peer_jobs.ANSWER
        return
    deadline = time.monotonic() + peer_jobs.PATIENCE
    while (found := result.get()) is None:
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    assert found == peer_jobs.ANSWER
