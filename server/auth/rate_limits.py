"""Token buckets: each key may do something `burst` times at once, and `rate` times a second.

A refused request gets 429 with the time of the next token: Retry-After, and RateLimit and
RateLimit-Policy as in draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import time
from collections import OrderedDict

from server.http.codes import Code
from server.http.problems import Problem

MAX_KEYS = 50_000
"""Buckets kept in memory, at about 200 bytes each. The least recently used are forgotten first."""


class TokenBuckets:
    """One token bucket for each key. `policy` names the limit in the response headers."""

    def __init__(self, policy: str, rate: float, burst: int, code: Code):
        self._policy = policy
        self._code = code
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """For each key, the level of its bucket and the time of that level."""

    def take(self, key: str, detail: str) -> None:
        """Take a token from the bucket of `key`. Raises Problem 429 if it is empty."""
        now, full = time.monotonic(), float(self._burst)
        level, since = self._levels.get(key, (full, now))
        level = min(full, level + (now - since) * self._rate)
        self._levels[key] = (level - 1 if level >= 1 else level), now
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)
        if level < 1:
            seconds = max(1, math.ceil((1 - level) / self._rate))
            window = max(1, math.ceil(self._burst / self._rate))
            headers = {
                "Retry-After": str(seconds),
                "RateLimit-Policy": f'"{self._policy}";q={self._burst};w={window}',
                "RateLimit": f'"{self._policy}";r=0;t={seconds}',
            }
            raise Problem(self._code, f"{detail}; try again in {seconds} s", headers=headers)
