"""How the authenticator asks `server/auth/sign_in` about callers that others have authenticated."""

from typing import Protocol

from tornado.httputil import HTTPHeaders

from server.auth.callers import Caller

COOKIE_MARK = "~"
"""The first character of the cookies of people. No name of a token begins with it."""


class ProviderCallers(Protocol):
    """The callers whom an OpenID Connect provider has authenticated."""

    def takes(self, token: str) -> bool:
        """Return whether a bearer token may be one of the provider."""

    async def prepare(self, token: str) -> None:
        """Load the keys that `caller` needs for this token."""

    def caller(self, token: str) -> Caller:
        """Return the caller of a bearer token. Raises Problem 401, 403 and 503."""

    def session(self, cookie: str) -> Caller | None:
        """Return the caller of a session; None if it has ended. Raises Problem 403."""


class ProxyCallers(Protocol):
    """The callers whom a trusted proxy has authenticated."""

    def caller(self, headers: HTTPHeaders) -> Caller | None:
        """Return the caller that the headers name, None without a name. Raises Problem 400 and
        403."""
