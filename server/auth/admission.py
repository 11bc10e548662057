"""Whether a request is let in: who asks, and whether that is too often."""

from collections.abc import Iterator
from contextlib import contextmanager

from tornado.httputil import HTTPHeaders

from server.auth.authenticate import Authenticator
from server.auth.callers import Caller
from server.auth.rate_limits import RateLimits
from server.http.problems import Problem


class RequestGate:
    """What the door and the rates say together."""

    def __init__(self, door: Authenticator, rates: RateLimits):
        self._door = door
        self._rates = rates

    def count(self, address: str, caller: Caller) -> None:
        """Count a request. Raises Problem 429."""
        self._rates.admit(address, caller.name)

    def caller(
        self, address: str, headers: HTTPHeaders, method: str, by_https: bool = False
    ) -> Caller:
        """Who asks with these headers. Raises Problem 401, 403, and 429 to an address from which
        too many tokens came that were wrong; one without a token counts as any other request."""
        if self._door.tokens is not None and "Authorization" in headers:
            with self.trying(address):
                return self._door.caller(headers, method, by_https)
        try:
            return self._door.caller(headers, method, by_https)
        except Problem:
            self._rates.admit(address)
            raise

    @contextmanager
    def trying(self, address: str) -> Iterator[None]:
        """A block in which a token from an address is looked at: a 401 there counts as a failure.

        Raises Problem 429 instead, if there were too many.
        """
        self._rates.may_try(address)
        try:
            yield
        except Problem as problem:
            if problem.status == 401:
                self._rates.failed(address)
            raise
