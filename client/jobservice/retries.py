"""Decides which failures are repeated, and how long to pause before. Does no input or output.

A failure is repeated if the connection broke or the service cannot answer at the moment. Every
request of this client may be repeated: submissions carry an `Idempotency-Key`, and all other
changes have the same effect when they are made twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from jobservice.errors import ApiError, ConnectionFailed, JobServiceError

STATUSES = frozenset({408, 429, 502, 503, 504})
"""The statuses after which a request is repeated."""
CODES = frozenset({"key_in_progress", "offset_conflict", "upload_busy", "upload_not_ready"})
"""Codes of other statuses after which it is: an earlier try is still being received, or the service
still computes the hash of an upload."""
HOPELESS = frozenset({"store_damaged"})
"""Codes after which it is not, since only the operator can help."""
IF_TOLD = frozenset({"quota_exceeded"})
"""Codes after which it is only with a `Retry-After`: else the caller has to make room."""
FIRST_SECONDS = 0.1
MAX_SECONDS = 5.0


def is_worth_repeating(failure: JobServiceError) -> bool:
    """Whether a request may succeed when it is sent again a little later."""
    if isinstance(failure, ApiError):
        is_passing = failure.status in STATUSES and failure.code not in HOPELESS
        if failure.code in IF_TOLD and failure.retry_after is None:
            return False
        return is_passing or failure.code in CODES
    return isinstance(failure, ConnectionFailed) and not failure.is_permanent


class Retries:
    """The failures in a row of one request, and the pauses between its tries.

    Each pause is twice as long as the one before, from 0.1 s to 5 s. Up to half of it is random.
    `Retry-After` makes it longer.
    """

    def __init__(self, seconds: float, chance: Callable[[], float] = random.random):
        """Give up when failures in a row have taken longer than `seconds`; 0 never repeats."""
        self._seconds = seconds
        self._chance = chance
        self._first_at: float | None = None
        self.failures = 0

    def reset(self) -> None:
        """The request has got further than before: the next failure is a first one again."""
        self._first_at, self.failures = None, 0

    def pause(self, failure: JobServiceError, now: float) -> float | None:
        """The seconds to pause before the next try, or None to give up; `now` is monotonic."""
        if not is_worth_repeating(failure):
            return None
        if self._first_at is None:
            self._first_at = now
        seconds = min(MAX_SECONDS, FIRST_SECONDS * 2.0 ** min(self.failures, 10))
        seconds *= 0.5 + 0.5 * self._chance()
        wanted = failure.retry_after if isinstance(failure, ApiError) else None
        if wanted is not None:
            seconds = max(seconds, wanted * (1 + 0.1 * self._chance()))
        self.failures += 1
        return seconds if now + seconds <= self._first_at + self._seconds else None
