"""When to try again. Imports nothing of ours."""

from collections.abc import Callable

MAX_SECONDS = 60.0
"""No backoff is longer."""
_SPREAD = 0.2
_MOST_DOUBLINGS = 1000  # a float ends at 2 ** 1024


def delay_ms(
    retry_count: int,
    random: Callable[[], float],
    base_seconds: float = 2.0,
    max_seconds: float = MAX_SECONDS,
) -> int:
    """The backoff before a retry, in whole milliseconds: base · 2ⁿ⁻¹ ± 20 %, at most max.

    `retry_count` is n, the number of this retry from 1; `random` gives numbers from 0 to 1.
    """
    doubled = base_seconds * 2.0 ** min(retry_count - 1, _MOST_DOUBLINGS)
    # Bounded before the spread as well, so that late retries do not all come at the same moment.
    spread = min(doubled, max_seconds) * (1 - _SPREAD + 2 * _SPREAD * random())
    return round(min(spread, max_seconds) * 1000)
