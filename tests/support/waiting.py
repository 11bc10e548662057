"""Waiting for what happens elsewhere, with a deadline in place of a guess."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.01


def wait_for(condition: Callable[[], T | None], timeout: float = 10) -> T:
    """Ask `condition` again and again until it is true, and return its answer.

    Raises AssertionError after `timeout` seconds, with the last answer.
    """
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline  # looked at first: the last answer is one of after it
        answer = condition()
        if answer:
            return answer
        if late:
            raise AssertionError(f"not true after {timeout} s, but {answer!r}")
        time.sleep(LOOK_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    """Ask `condition` in each turn of the loop until it is true; the time of the test bounds it."""
    while not condition():
        await asyncio.sleep(0)
