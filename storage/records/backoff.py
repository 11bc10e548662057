"""How long a job waits before its retries, as its submission says. Imports nothing of ours."""

from typing import Any

LONGEST_WAIT_SECONDS = 3600
"""The longest wait before a retry."""
_MAX_POWER = 250  # 10.0 ** 309 overflows a float


def seconds_before_retry(backoff: Any, count: int) -> float:
    """Return the seconds before the n-th retry; `count` is n, from 1.

    `backoff` is a number for all retries; a list with one number for each, of which the last one is
    repeated; or {"base", "factor", "max"} for base · factorⁿ⁻¹, at most max.
    """
    if isinstance(backoff, list):
        return float(backoff[min(count, len(backoff)) - 1])
    if not isinstance(backoff, dict):
        return float(backoff)
    grown = backoff["base"] * float(backoff["factor"]) ** min(count - 1, _MAX_POWER)
    return float(min(grown, backoff["max"]))
