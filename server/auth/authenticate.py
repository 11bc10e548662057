"""Authentication: finds the caller of a request by its token or its session cookie.

Authorization: Bearer TOKEN ──▶ Tokens ────────────────────────────────────────────┐
Cookie ──▶ Sessions; to change anything, the page must be of the same origin ──────┴──▶ Caller

`require_role` then checks that the caller's role is sufficient.
"""

from tornado.httputil import HTTPHeaders, parse_cookie

from server.auth.callers import UNRESTRICTED, Caller, Role
from server.auth.sessions import Sessions, cookie_name
from server.auth.tokens import Tokens
from server.http.codes import Code
from server.http.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_SCHEME = "bearer "


class Authenticator:
    """Finds the caller of a request. Without `tokens`, everybody is an admin."""

    def __init__(self, tokens: Tokens | None, sessions: Sessions | None):
        self.tokens = tokens
        self.sessions = sessions

    @property
    def changes(self) -> int:
        """How often the tokens have changed. Callers from before must authenticate again."""
        return self.tokens.changes if self.tokens else 0

    def authenticate(self, headers: HTTPHeaders, method: str, by_https: bool = False) -> Caller:
        """Return the caller of a request with these headers.

        Raises Problem 401, or 403 if a cookie comes with a change from a page of another origin.
        """
        if self.tokens is None:
            return UNRESTRICTED
        authorization = headers.get("Authorization")
        if authorization is not None:
            return self._by_token(self.tokens, authorization)
        return self._by_cookie(headers, method, by_https)

    @staticmethod
    def _by_token(tokens: Tokens, authorization: str) -> Caller:
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise unauthorized(
                Code.TOKEN_REQUIRED, "the Authorization header must be: Bearer TOKEN"
            )
        token = tokens.find(authorization[len(_SCHEME) :].strip())
        if token is None:
            raise unauthorized(
                Code.TOKEN_UNKNOWN, "this token is unknown", ' error="invalid_token"'
            )
        return token.caller

    def _by_cookie(self, headers: HTTPHeaders, method: str, by_https: bool) -> Caller:
        cookie = parse_cookie(headers.get("Cookie", "")).get(cookie_name(by_https))
        if cookie is None or self.sessions is None:
            raise unauthorized(
                Code.TOKEN_REQUIRED, "a token is required: Authorization: Bearer TOKEN"
            )
        caller = self.sessions.caller(cookie)
        if caller is None:
            raise unauthorized(Code.SESSION_ENDED, "the session has ended; sign in again")
        if method not in SAFE_METHODS:
            require_same_origin(headers)
        return caller


def require_role(caller: Caller, role: Role) -> None:
    """Raise Problem 403 if the caller's role is lower than `role`."""
    if caller.role < role:
        detail = f"this needs the role {role}; the token of {caller.name} has {caller.role}"
        raise Problem(Code.ROLE_TOO_LOW, detail)


def unauthorized(code: Code, detail: str, more: str = "") -> Problem:
    """401: the request is not authenticated. `more` is appended to WWW-Authenticate."""
    return Problem(code, detail, headers={"WWW-Authenticate": f"Bearer{more}"})


def is_same_origin(origin: str, headers: HTTPHeaders) -> bool:
    """Whether an origin, such as https://example.org, has the host that the request names."""
    host = origin.partition("://")[2].lower()
    return bool(host) and host == headers.get("Host", "").lower()


def require_same_origin(headers: HTTPHeaders) -> None:
    """Raise Problem 403 unless the headers prove that a page of this service sent the request.

    Browsers attach the cookie to requests from any page of the same site, and at the sign-in a
    foreign page could send a token of its own.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is None:  # an old browser, or a page that was loaded over plain HTTP
        same = is_same_origin(headers.get("Origin", ""), headers)
    else:
        same = site == "same-origin"
    if not same:
        detail = "only a page of this service may do this with a cookie; programs send a token"
        raise Problem(Code.FOREIGN_ORIGIN, detail)
