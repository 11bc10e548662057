"""Jobs and submissions for the peers that use coroutines."""

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.peers.apps import peer_jobs

SUBMITTERS = 32
POLL_SECONDS = 0.001


async def run_noop() -> None:
    """A no-op job in the worker's event loop, without a thread."""
    peer_jobs.run_noop()


async def run_answer() -> int:
    """A job with an answer, in the worker's event loop."""
    return peer_jobs.run_answer()


async def run_check_in() -> None:
    """A check-in job, in the worker's event loop."""
    peer_jobs.run_check_in()


async def submit_at_once(submit: Callable[[], Awaitable[object]], count: int) -> None:
    """Call `submit` `count` times, some calls concurrently."""
    turns = iter(range(count))

    async def submit_some() -> None:
        for _ in turns:
            await submit()

    await asyncio.gather(*(submit_some() for _ in range(SUBMITTERS)))
