"""Token buckets: each key may do something several times at once, and so often per second.

A refused request gets 429 with the time of the next token: Retry-After, and RateLimit and
RateLimit-Policy as in draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from server.http.codes import Code
from server.http.problems import Problem

MAX_KEYS = 50_000
"""Buckets kept in memory, at about 200 bytes each. The least recently used are forgotten first."""


MIN_BURST = 20


@dataclass(frozen=True)
class Rate:
    """How often something may be done per second, and how often at once."""

    per_second: float
    burst: int


def rate_of(per_second: float) -> Rate:
    """Return a rate: twice the requests of a second may come at once, and at least MIN_BURST."""
    return Rate(per_second, max(MIN_BURST, math.ceil(2 * per_second)))


class TokenBuckets:
    """One token bucket for each key. `policy` names the limit in the response headers."""

    def __init__(self, policy: str, code: Code):
        self._policy = policy
        self._code = code
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """For each key, the level of its bucket and the time of that level."""

    def take(self, key: str, rate: Rate, detail: str) -> None:
        """Take a token from the bucket of `key`. Raises Problem 429 if it is empty."""
        now = time.monotonic()
        level = self._level(key, rate, now)
        self._levels[key] = (level - 1 if level >= 1 else level), now
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)
        if level < 1:
            seconds = max(1, math.ceil((1 - level) / rate.per_second))
            window = max(1, math.ceil(rate.burst / rate.per_second))
            headers = {
                "Retry-After": str(seconds),
                "RateLimit-Policy": f'"{self._policy}";q={rate.burst};w={window}',
                "RateLimit": f'"{self._policy}";r=0;t={seconds}',
            }
            raise Problem(self._code, f"{detail}; try again in {seconds} s", headers=headers)

    def used(self, key: str, rate: Rate) -> int:
        """Return how many of the tokens of `key` are taken now."""
        return math.ceil(rate.burst - self._level(key, rate, time.monotonic()))

    def _level(self, key: str, rate: Rate, now: float) -> float:
        """Return how many tokens the bucket of `key` has; a key that is not known has all."""
        full = float(rate.burst)
        level, since = self._levels.get(key, (full, now))
        return min(full, level + (now - since) * rate.per_second)
