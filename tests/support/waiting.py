"""Waits for conditions, with a deadline."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.01


def wait_for(condition: Callable[[], T | None], timeout: float = 10) -> T:
    """Call `condition` until it returns something true, and return that.

    Raises AssertionError after `timeout` seconds, with the last value.
    """
    deadline = time.monotonic() + timeout
    while True:
        is_last = time.monotonic() > deadline  # read first: the last call is after the deadline
        value = condition()
        if value:
            return value
        if is_last:
            raise AssertionError(f"not true after {timeout} s, but {value!r}")
        time.sleep(LOOK_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` is true, checking it in each iteration of the event loop. Only the
    timeout of the test limits the wait."""
    while not condition():
        await asyncio.sleep(0)
