"""How far something is, told no more often than anybody wants to know. Imports nothing of ours."""

import time
from collections.abc import Callable
from typing import Any

SECONDS = 0.1

Far = Callable[[], Any]
"""Finds out how far the work is; only called when that is to be told."""


class ThrottledProgress:
    """Takes how far something is at any time, and tells it ten times a second at most."""

    def __init__(
        self, tell: Callable[[Any], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._clock = tell, clock
        self._next = clock() + SECONDS

    def __call__(self, far: Far) -> None:
        """Tell it, if the last time was long enough ago."""
        now = self._clock()
        if now >= self._next:
            self._next = now + SECONDS
            self._tell(far())
