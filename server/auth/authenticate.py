"""Who asks, told by a token or by the cookie of a sign-in; and whether that is enough.

Authorization: Bearer TOKEN ──▶ tokens ──────────────────────────────┐
cookie ──▶ sessions; to change something, only from a page of ours ──┴─▶ Caller ─▶ role enough?
"""

from tornado.httputil import HTTPHeaders, parse_cookie

from server.auth.callers import ANYONE, Caller, Role
from server.auth.sessions import Sessions, cookie_name
from server.auth.tokens import Tokens
from server.http.problems import Problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_SCHEME = "bearer "


class Authenticator:
    """Tells who asks. Without `tokens` it is open to anyone."""

    def __init__(self, tokens: Tokens | None, sessions: Sessions | None):
        self.tokens = tokens
        self.sessions = sessions

    def caller(self, headers: HTTPHeaders, method: str, by_https: bool = False) -> Caller:
        """Who asks with these headers. Raises Problem 401, and 403 for a page that is not ours."""
        if self.tokens is None:
            return ANYONE
        authorization = headers.get("Authorization")
        if authorization is not None:
            return self._by_token(self.tokens, authorization)
        return self._by_cookie(headers, method, by_https)

    @staticmethod
    def _by_token(tokens: Tokens, authorization: str) -> Caller:
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise unauthorized("Authorization must be: Bearer TOKEN")
        found = tokens.find(authorization[len(_SCHEME) :].strip())
        if found is None:
            raise unauthorized("this token is not known", ' error="invalid_token"')
        return found.caller

    def _by_cookie(self, headers: HTTPHeaders, method: str, by_https: bool) -> Caller:
        cookie = parse_cookie(headers.get("Cookie", "")).get(cookie_name(by_https))
        if cookie is None or self.sessions is None:
            raise unauthorized("a token is needed: Authorization: Bearer TOKEN")
        caller = self.sessions.caller(cookie)
        if caller is None:
            raise unauthorized("the sign-in is over; sign in again")
        if method not in SAFE:
            require_same_origin(headers)
        return caller


def require_role(caller: Caller, role: Role) -> None:
    """Raise Problem 403 if the caller may not do what needs this role."""
    if caller.role < role:
        detail = f"this needs the role {role}; the token of {caller.name} has {caller.role}"
        raise Problem(403, detail)


def unauthorized(detail: str, more: str = "") -> Problem:
    """401: who asks is not known."""
    return Problem(401, detail, headers={"WWW-Authenticate": f"Bearer{more}"})


def is_own_origin(origin: str, headers: HTTPHeaders) -> bool:
    """Whether a page of this origin is one of the host that was asked."""
    host = origin.partition("://")[2].lower()
    return bool(host) and host == headers.get("Host", "").lower()


def require_same_origin(headers: HTTPHeaders) -> None:
    """Raise Problem 403 unless the request shows that a page of ours has sent it: a cookie goes
    along with whatever page of the same site sends it, and a foreign page may send a token."""
    site = headers.get("Sec-Fetch-Site")
    if site is None:  # an old browser, or one that came by http
        same = is_own_origin(headers.get("Origin", ""), headers)
    else:
        same = site == "same-origin"
    if not same:
        detail = "only a page of this service may do this with a sign-in; programs send a token"
        raise Problem(403, detail)
