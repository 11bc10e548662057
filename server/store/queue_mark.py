"""Refuses new jobs while too many wait.

How many wait is looked up about once a second while jobs are submitted, and each that is let pass
since then is added. So the limit is exceeded by no more than what other listeners let pass
meanwhile, and what one call retries.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from server.http.problems import Problem
from storage.records.job import StoreError

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
TRUST_SECONDS = 3.0
"""What was seen longer ago refuses nobody."""
WAIT_SECONDS = 10


class QueueWatermark:
    """`most` jobs may wait, 0 for any number; `count` looks how many do, `later` runs a look."""

    def __init__(
        self,
        most: int,
        count: Callable[[], Awaitable[int]],
        later: Callable[[Coroutine[Any, Any, None]], None],
    ):
        self._most = most
        self._count = count
        self._later = later
        self._queued = 0
        self._next_look = self._trusted_until = 0.0
        self._full = False

    def admit(self) -> None:
        """Let a job pass. Raises Problem 503."""
        if not self._most:
            return
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._later(self._look())
        if self._queued >= self._most and now < self._trusted_until:
            detail = f"{self._most} jobs wait, which is as many as may (MAX_QUEUED_JOBS)"
            raise Problem(503, detail, headers={"Retry-After": str(WAIT_SECONDS)})
        self._queued += 1

    def note(self, jobs: int) -> None:
        """So many more wait."""
        self._queued += jobs

    async def _look(self) -> None:
        try:
            self._queued = await self._count()
        except StoreError:
            return  # which all who ask for anything are told
        self._trusted_until = time.monotonic() + TRUST_SECONDS
        full = self._queued >= self._most
        if full != self._full:
            self._full = full
            extra = {"queued": self._queued, "max_queued_jobs": self._most}
            if full:
                log.warning("too many jobs wait, new ones are refused", extra=extra)
            else:
                log.info("fewer jobs wait again, new ones are taken", extra=extra)
