"""Rate limits: token buckets for requests and for failed authentications.

A bucket holds at most `burst` tokens and gains `rate` tokens a second. A refused request gets 429
with the time of the next token: Retry-After, and RateLimit and RateLimit-Policy as in
draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from tornado.httputil import HTTPHeaders

from server.auth.addresses import rate_limit_network
from server.auth.authenticate import Authenticator
from server.auth.callers import Caller
from server.http.codes import Code
from server.http.problems import Problem

MAX_KEYS = 50_000
"""Buckets kept in memory, at about 200 bytes each. The least recently used are forgotten first."""
MAX_FAILURES = 10
"""Failed authentications that an address may have at once."""
FAILURE_SECONDS = 10.0
"""Time after which an address may fail once more."""


class TokenBuckets:
    """One token bucket for each key. `policy` names the limit in the response headers."""

    def __init__(self, policy: str, rate: float, burst: int, code: Code):
        self._policy = policy
        self._code = code
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """For each key, the level of its bucket and the time of that level."""

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str) -> bool:
        """Take a token from the bucket of `key`. Returns False if it is empty."""
        now = time.monotonic()
        level = self._level(key, now)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level), now
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)
        return taken

    def problem(self, key: str, detail: str) -> Problem:
        """429 with the time until the bucket of `key` holds a token again."""
        missing = 1 - self._level(key, time.monotonic())
        seconds = max(1, math.ceil(missing / self._rate))
        window = max(1, math.ceil(self._burst / self._rate))
        headers = {
            "Retry-After": str(seconds),
            "RateLimit-Policy": f'"{self._policy}";q={self._burst};w={window}',
            "RateLimit": f'"{self._policy}";r=0;t={seconds}',
        }
        return Problem(self._code, f"{detail}; try again in {seconds} s", headers=headers)

    def _level(self, key: str, now: float) -> float:
        level, since = self._levels.get(key, (float(self._burst), now))
        return min(float(self._burst), level + (now - since) * self._rate)


class RateLimits:
    """The rate limits of one listener.

    Listeners do not share their buckets: behind a load balancer, a caller may send the sum.
    """

    def __init__(self, rate: float | None, burst: int | None):
        """`rate` is in requests a second, None for no limit. `burst` defaults to twice the rate,
        and at least 20."""
        self._requests: TokenBuckets | None = None
        if rate is not None:
            burst = burst or max(20, math.ceil(2 * rate))
            self._requests = TokenBuckets("requests", rate, burst, Code.RATE_LIMITED)
        self._failures = TokenBuckets(
            "failures", 1 / FAILURE_SECONDS, MAX_FAILURES, Code.TOO_MANY_FAILURES
        )

    def count_request(self, address: str, caller: str | None = None) -> None:
        """Count a request against the named caller, or against its address. Raises Problem 429."""
        if self._requests is not None:
            network = rate_limit_network(address)
            key = f"address {network}" if caller is None else f"caller {caller}"
            if not self._requests.take(key):
                raise self._requests.problem(key, "that is more than RATE_LIMIT allows")

    def count_failure(self, address: str) -> None:
        """Count a wrong token from this address. Raises Problem 429 after too many of them.

        Call this after the token was checked: a valid one passes whatever came before, since other
        clients may share its address.
        """
        network = rate_limit_network(address)
        if not self._failures.take(network):
            detail = "too many failed authentications from this address"
            raise self._failures.problem(network, detail)


class AccessControl:
    """Authentication combined with the rate limits."""

    def __init__(self, authenticator: Authenticator, limits: RateLimits):
        self._authenticator = authenticator
        self._limits = limits

    def count_request(self, address: str, caller: Caller) -> None:
        """Count a request of a caller at an address. Raises Problem 429."""
        self._limits.count_request(address, caller.name)

    def authenticate(
        self, address: str, headers: HTTPHeaders, method: str, by_https: bool = False
    ) -> Caller:
        """Return the caller of a request from `address`.

        Raises Problem 401 or 403 as `Authenticator.authenticate` does, and 429 instead of 401
        after too many wrong tokens from the address. A request that fails without a token counts
        only against the address's request rate.
        """
        if self._authenticator.tokens is not None and "Authorization" in headers:
            with self.counting_failures(address):
                return self._authenticator.authenticate(headers, method, by_https)
        try:
            return self._authenticator.authenticate(headers, method, by_https)
        except Problem:
            self._limits.count_request(address)
            raise

    @contextmanager
    def counting_failures(self, address: str) -> Iterator[None]:
        """A block that checks a token sent from `address`. A Problem 401 in it counts as a failure,
        and after too many of them becomes a Problem 429."""
        try:
            yield
        except Problem as problem:
            if problem.status == 401:
                self._limits.count_failure(address)
            raise
