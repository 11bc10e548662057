"""How often one may ask: buckets of tokens, by caller or address.

A bucket holds as many tokens as may be asked at once, and gets so many a second. Who is told 429
learns when the next one comes: Retry-After, and RateLimit and RateLimit-Policy as in
draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import time
from collections import OrderedDict

from server.auth.proxies import site
from server.http.problems import Problem

MAX_KEYS = 50_000
"""Callers and addresses that are remembered, of about 200 bytes each; who asked last, stays."""
FAILURES = 10
"""How many failed authentications an address has at once, and again one in FAILURE_SECONDS."""
FAILURE_SECONDS = 10.0


class TokenBuckets:
    """One bucket for each key."""

    def __init__(self, policy: str, rate: float, burst: int):
        self._policy = policy
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str) -> bool:
        """Take a token; whether there was one."""
        now = time.monotonic()
        level = self._level(key, now)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level), now
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)
        return taken

    def has(self, key: str) -> bool:
        """Whether there is a token."""
        return self._level(key, time.monotonic()) >= 1

    def refusal(self, key: str, detail: str) -> Problem:
        """What is said to who has none."""
        missing = 1 - self._level(key, time.monotonic())
        seconds = max(1, math.ceil(missing / self._rate))
        window = max(1, math.ceil(self._burst / self._rate))
        headers = {
            "Retry-After": str(seconds),
            "RateLimit-Policy": f'"{self._policy}";q={self._burst};w={window}',
            "RateLimit": f'"{self._policy}";r=0;t={seconds}',
        }
        return Problem(429, f"{detail}; try again in {seconds} s", headers=headers)

    def _level(self, key: str, now: float) -> float:
        level, since = self._levels.get(key, (float(self._burst), now))
        return min(float(self._burst), level + (now - since) * self._rate)


class RateLimits:
    """The limits of a listener. Each has its own: behind a load balancer a caller has the sum."""

    def __init__(self, rate: float | None, burst: int | None):
        """Requests a second, None for no limit; and how many at once."""
        self._requests: TokenBuckets | None = None
        if rate is not None:
            most = burst or max(20, math.ceil(2 * rate))
            self._requests = TokenBuckets("requests", rate, most)
        self._failures = TokenBuckets("failures", 1 / FAILURE_SECONDS, FAILURES)

    def admit(self, address: str, caller: str | None = None) -> None:
        """Count a request of a caller, or of an address if nobody is named. Raises Problem 429."""
        if self._requests is not None:
            key = f"address {site(address)}" if caller is None else f"caller {caller}"
            if not self._requests.take(key):
                raise self._requests.refusal(key, "that is more than RATE_LIMIT allows")

    def may_try(self, address: str) -> None:
        """To be asked before a token or a password is looked at. Raises Problem 429 if too many
        from this address were wrong."""
        if not self._failures.has(site(address)):
            detail = "too many failed authentications from this address"
            raise self._failures.refusal(site(address), detail)

    def failed(self, address: str) -> None:
        """To be told of each token or password that was wrong."""
        self._failures.take(site(address))
