"""Pauses and calls that block, as the two clients make them. Imports nothing of ours.

Both clients share one implementation: `client/generate_sync.py` puts `sleep` and `call` in the
place of `async_sleep` and `async_call`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

sleep = time.sleep


async def async_sleep(seconds: float) -> None:
    """Pause this task."""
    await asyncio.sleep(seconds)


def call(function: Callable[[], T]) -> T:
    """Call a function."""
    return function()


async def async_call(function: Callable[[], T]) -> T:
    """Call a function in a thread, so that the event loop goes on."""
    return await asyncio.to_thread(function)
