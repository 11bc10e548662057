"""The backoff: how long a job that failed or was lost waits until it runs again. A leaf module."""

import random
from collections.abc import Callable

MAX_BACKOFF_SECONDS = 60.0
"""The longest backoff."""
_JITTER = 0.2
_MAX_DOUBLINGS = 1000  # 2.0 ** 1024 overflows a float


def backoff_ms(
    count: int,
    random: Callable[[], float] = random.random,
    base_seconds: float = 2.0,
    max_seconds: float = MAX_BACKOFF_SECONDS,
) -> int:
    """Return the backoff before a retry or after a loss, in whole milliseconds.

    It is base_seconds · 2ⁿ⁻¹ ± 20 %, and at most max_seconds. `count` is n, the number of this
    retry or loss, from 1. `random` returns numbers from 0 to 1.
    """
    doubled = base_seconds * 2.0 ** min(count - 1, _MAX_DOUBLINGS)
    # Limited before the jitter as well, so that late retries are spread, too.
    jittered = min(doubled, max_seconds) * (1 - _JITTER + 2 * _JITTER * random())
    return round(min(jittered, max_seconds) * 1000)
