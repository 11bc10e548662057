"""What the peers share whose jobs and clients are coroutines."""

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.peers.apps import marks

SUBMITTERS = 32
POLL_SECONDS = 0.001


async def run_noop() -> None:
    """In the worker's loop: no thread for each job."""
    marks.run_noop()


async def run_answer() -> int:
    """The same."""
    return marks.run_answer()


async def run_present() -> None:
    """The same."""
    marks.run_present()


async def submit_at_once(submit: Callable[[], Awaitable[object]], count: int) -> None:
    """Call it so many times, some of them at once."""
    turns = iter(range(count))

    async def some() -> None:
        for _ in turns:
            await submit()

    await asyncio.gather(*(some() for _ in range(SUBMITTERS)))
