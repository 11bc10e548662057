"""Authentication: finds the caller of a request by its token or its session cookie.

Authorization: Bearer TOKEN ──▶ Tokens, or a provider of OpenID Connect ───────────┐
AUTH_PROXY_HEADER of a trusted proxy ─────────┐                                    ├──▶ Caller
Cookie ──▶ Sessions, or a provider's ─────────┴─▶ changes: from the same origin ───┘

Requests and wrong tokens count against rate limits. `require_role` then checks that the caller's
role is sufficient.
"""

import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from tornado.httputil import HTTPHeaders, parse_cookie

from server.auth.addresses import PUBLIC_HOST, rate_limit_network
from server.auth.callers import ANONYMOUS, UNRESTRICTED, Caller, CallerQuotas, Role
from server.auth.external import COOKIE_MARK, ProviderCallers, ProxyCallers
from server.auth.rate_limits import Rate, TokenBuckets, rate_of
from server.auth.sessions import Sessions, cookie_name
from server.auth.token_entries import Token, utc
from server.auth.tokens import Tokens
from server.http.codes import Code
from server.http.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
MAX_FAILURES = 10
"""Failed authentications that an address may have at once."""
FAILURE_SECONDS = 10.0
"""Time after which an address may fail once more."""
FAILURE_RATE = Rate(1 / FAILURE_SECONDS, MAX_FAILURES)
STREAM_SECONDS = 60.0
"""Time after which event streams authenticate again, if sign-ins end by themselves."""
_SCHEME = "bearer "


class Authenticator:
    """Finds the caller of a request. Without `tokens`, everybody is an admin.

    Listeners do not share rate limits: behind a load balancer, a caller may send the sum.
    """

    def __init__(
        self,
        tokens: Tokens | None,
        sessions: Sessions | None,
        rate: float | None = None,
        root_path: str = "",
        note_use: Callable[[str, str], None] | None = None,
        audits: bool = False,
        provider: ProviderCallers | None = None,
        proxy: ProxyCallers | None = None,
        quotas: CallerQuotas | None = None,
    ):
        """`rate` is in requests a second, None for no limit. `note_use` is called with name and
        address of each caller with a token. With `audits`, the changes of callers are recorded in
        the audit log."""
        self._note_use, self.audits = note_use, audits
        self._root_path = root_path
        self.tokens = tokens
        self.sessions = sessions
        self.provider = provider
        self._proxy = proxy
        self.quotas = quotas or CallerQuotas()
        self._rate = None if rate is None else rate_of(rate)
        self._requests = TokenBuckets("requests", Code.RATE_LIMITED)
        self._failures = TokenBuckets("failures", Code.TOO_MANY_FAILURES)

    @property
    def changes(self) -> int:
        """How often the tokens have changed. Callers from before must authenticate again."""
        return self.tokens.changes if self.tokens else 0

    @property
    def stream_changes(self) -> int:
        """A number that grows when event streams must authenticate again: when the tokens have
        changed, and every minute if sign-ins end by themselves."""
        minutes = int(time.monotonic() // STREAM_SECONDS) if self.provider else 0
        return self.changes + minutes

    def count_request(self, address: str, caller: Caller = ANONYMOUS) -> None:
        """Count a request against a caller, or against its address if it has no name.

        Raises Problem 429. The quota of the caller replaces RATE_LIMIT.
        """
        own, rate = self._rate_of(caller)
        if rate is None:
            return
        name, detail = caller.name, "that is more than RATE_LIMIT allows"
        if own is not None:
            detail = f"that is more than the quota of {name} allows, requests={own:g}"
        key = f"address {rate_limit_network(address)}" if name is None else f"caller {name}"
        try:
            self._requests.take(key, rate, detail)
        except Problem:
            if own is not None:
                self.quotas.refused["requests"] += 1
            raise

    def _rate_of(self, caller: Caller) -> tuple[float | None, Rate | None]:
        """Return the quota of a caller, None if it is not given, and the rate that applies to the
        caller, None for no limit."""
        quotas = self.quotas.of(caller)
        own = None if quotas is None else quotas.requests
        if own is None:
            return None, self._rate
        return own, None if own == math.inf else rate_of(own)

    def request_rate(self, caller: Caller) -> tuple[Rate, int] | None:
        """Return the rate limit of a caller with a name, and how many requests of its burst the
        caller has used up at this listener. None without a limit."""
        _, rate = self._rate_of(caller)
        return None if rate is None else (rate, self._requests.used(f"caller {caller.name}", rate))

    @contextmanager
    def counting_failures(self, address: str) -> Iterator[None]:
        """A block that checks a token sent from `address`. A Problem 401 in it counts as a failure,
        and after too many of them becomes a Problem 429.

        A valid token passes however many wrong ones came before, since other clients may share its
        address.
        """
        try:
            yield
        except Problem as problem:
            if problem.code is Code.PROVIDER_TOKEN_INVALID:  # a signature cannot be guessed
                self.count_request(address)
            elif problem.status == 401:
                detail = "too many failed authentications from this address"
                self._failures.take(rate_limit_network(address), FAILURE_RATE, detail)
            raise

    def admit(
        self,
        address: str,
        headers: HTTPHeaders,
        method: str,
        by_https: bool = False,
        stream_token: str | None = None,
    ) -> Caller:
        """Return the caller of a request from `address`, by its stream token if it has one.

        Raises Problem 401 or 403 as `authenticate` does, and 429 instead of 401 after too many
        wrong tokens from the address. A request that fails without a token counts only against the
        address's request rate.
        """
        caller = self._admit(address, headers, method, by_https, stream_token)
        if self._note_use is not None and caller.name is not None and caller.method == "token":
            self._note_use(caller.name, address)
        return caller.at(address) if self.audits and method not in SAFE_METHODS else caller

    def _admit(
        self,
        address: str,
        headers: HTTPHeaders,
        method: str,
        by_https: bool,
        stream_token: str | None,
    ) -> Caller:
        if stream_token is not None and self.tokens is not None:
            with self.counting_failures(address):
                return self.stream_caller(stream_token)
        if self.tokens is not None and "Authorization" in headers:
            with self.counting_failures(address):
                return self.authenticate(headers, method, by_https)
        try:
            return self.authenticate(headers, method, by_https)
        except Problem:
            self.count_request(address)
            raise

    async def prepare(self, headers: HTTPHeaders) -> None:
        """Load the provider's keys if the loaded keys do not fit the token of a request."""
        token = _bearer_token(headers.get("Authorization", ""))
        if self.provider is not None and token and self.provider.takes(token):
            await self.provider.prepare(token)

    def authenticate(self, headers: HTTPHeaders, method: str, by_https: bool = False) -> Caller:
        """Return the caller of a request with these headers, without counting it.

        Raises Problem 401; 403 if a cookie comes with a change from a page of another origin, or a
        person has no role; and 503 if the keys of the provider are missing.
        """
        if self.tokens is None:
            return UNRESTRICTED
        authorization = headers.get("Authorization")
        text = _bearer_token(authorization or "")
        if text is None and self._proxy and (caller := self._proxy.caller(headers)):
            if method not in SAFE_METHODS:  # the proxy knows the browser by a cookie of its own
                require_same_origin(headers)
            return caller
        if authorization is None:
            return self._by_cookie(headers, method, by_https)
        if text is None:
            detail = "the Authorization header must be: Bearer TOKEN"
            raise unauthorized(Code.TOKEN_REQUIRED, detail)
        if self.provider and self.provider.takes(text) and not self.tokens.find_any(text):
            return self.provider.caller(text)
        more = ' error="invalid_token"'
        return self.require_token(text, more).caller

    def stream_caller(self, stream_token: str, is_open: bool = False) -> Caller:
        """Return the caller that a stream token names. Raises Problem 401.

        The age of the token does not count for a stream that `is_open`.
        """
        caller = self.sessions.stream_caller(stream_token, is_open) if self.sessions else None
        if caller is None:
            detail = "this stream token is unknown, or older than a minute"
            raise unauthorized(Code.STREAM_TOKEN_INVALID, detail)
        return caller

    def require_token(self, text: str, more: str = "") -> Token:
        """Return the valid token with this text. Raises Problem 401 if there is none.

        `more` is appended to WWW-Authenticate.
        """
        token = self.tokens.find_any(text) if self.tokens else None
        if token is None:
            raise unauthorized(Code.TOKEN_UNKNOWN, "this token is unknown", more)
        if self.tokens and self.tokens.has_expired(token):
            ended = f"this token expired at {utc(token.expires_at or 0)}"
            raise unauthorized(Code.TOKEN_EXPIRED, f"{ended}: ask the operator for a new one", more)
        return token

    def _by_cookie(self, headers: HTTPHeaders, method: str, by_https: bool) -> Caller:
        name = cookie_name(by_https, self._root_path)
        cookie = parse_cookie(headers.get("Cookie", "")).get(name)
        if cookie is not None and self.provider and cookie.startswith(COOKIE_MARK):
            caller = self.provider.session(cookie)
        elif cookie is not None and self.sessions is not None:
            caller = self.sessions.caller(cookie)
        else:
            detail = "a token is required: Authorization: Bearer TOKEN"
            raise unauthorized(Code.TOKEN_REQUIRED, detail)
        if caller is None:
            raise unauthorized(Code.SESSION_ENDED, "the session has ended; sign in again")
        if method not in SAFE_METHODS:
            require_same_origin(headers)
        return caller


def _bearer_token(authorization: str) -> str | None:
    """The token in an Authorization header; None if it has another scheme or is empty."""
    is_bearer = authorization[: len(_SCHEME)].lower() == _SCHEME
    return authorization[len(_SCHEME) :].strip() if is_bearer else None


def require_role(caller: Caller, role: Role) -> None:
    """Raise Problem 403 if the caller's role is lower than `role`."""
    if not caller.role.includes(role):
        detail = f"this needs the role {role}; the token of {caller.name} has {caller.role}"
        raise Problem(Code.ROLE_TOO_LOW, detail)


def require_unlimited(caller: Caller, path: str) -> None:
    """Raise Problem 403 for a caller who does not see all jobs: the path is about all of them."""
    if caller.is_limited:
        what = (
            "only its own jobs" if caller.role is Role.READ_OWN else "only the jobs of its queues"
        )
        detail = f"{path} is about all jobs, and the token of {caller.name} sees {what}"
        raise Problem(Code.TOKEN_LIMITED, detail)


def require_queues(caller: Caller, queues: Collection[str]) -> None:
    """Raise Problem 403 if the caller may not use one of these queues."""
    if outside := caller.outside(queues):
        may = ", ".join(sorted(caller.queues or ())) or "none"
        detail = f"the token of {caller.name} may use these queues: {may}; not {outside[0]}"
        raise Problem(Code.QUEUE_NOT_ALLOWED, detail)


def unauthorized(code: Code, detail: str, more: str = "") -> Problem:
    """401: the request is not authenticated. `more` is appended to WWW-Authenticate."""
    return Problem(code, detail, headers={"WWW-Authenticate": f"Bearer{more}"})


def is_same_origin(origin: str, headers: HTTPHeaders) -> bool:
    """Whether an origin, such as https://example.org, has the host that the request names, to the
    listener or to a trusted proxy."""
    host = origin.partition("://")[2].lower()
    named = {headers.get("Host", "").lower(), headers.get(PUBLIC_HOST, "").lower()}
    return bool(host) and host in named


def require_same_origin(headers: HTTPHeaders, by_link: bool = False) -> None:
    """Raise Problem 403 unless the headers prove that a page of this service sent the request.

    Browsers attach the cookie to requests from any page of the same site, and at the sign-in a
    foreign page could send a token of its own. `by_link` is for requests that a browser sends to
    open an address: they name the page in Referer instead of an origin.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is None:  # an old browser, or a page that was loaded over plain HTTP
        origin = headers.get("Origin", "")
        if by_link:
            origin = "/".join(headers.get("Referer", "").split("/", 3)[:3])
        same = is_same_origin(origin, headers)
    else:
        same = site == "same-origin"
    if not same:
        detail = "only a page of this service may do this with a cookie; programs send a token"
        raise Problem(Code.FOREIGN_ORIGIN, detail)
