"""Huey on SQLite, each commit synced; the worker polls, and so does who waits for a result."""

import os
import time
from contextlib import nullcontext

from huey import SqliteHuey

from benchmarks.peers.apps import marks

WORKERS = 3
POLL_SECONDS = 0.001
FAST = os.environ.get("PEER_POLLING") == "fast"

huey = SqliteHuey(filename=str(marks.FOLDER / "huey.db"), fsync=True, timeout=marks.PATIENCE)
noop = huey.task()(marks.run_noop)
answer = huey.task()(marks.run_answer)
present = huey.task()(marks.run_present)
opened = nullcontext


async def submit(count: int) -> None:
    """See client."""
    for _ in range(count):
        noop()


async def greet() -> None:
    """See client."""
    present()


async def trip() -> None:
    """See client."""
    result = answer()
    if not FAST:
        assert result.get(blocking=True, timeout=marks.PATIENCE) == marks.ANSWER
        return
    deadline = time.monotonic() + marks.PATIENCE
    while (found := result.get()) is None:
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    assert found == marks.ANSWER
