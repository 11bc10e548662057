"""`/ui/sign-in`, `/ui/sign-out`: signing in to the front end at a provider of OpenID Connect.

Browsers open these addresses, and get pages also for errors. They are no part of the API.
"""

import logging
from html import escape
from typing import TYPE_CHECKING, Any

from server.api.session.session import record_sign_in, send_session, set_session_cookie
from server.auth.addresses import public_host
from server.auth.authenticate import require_same_origin
from server.handlers.pages import WebHandler
from server.http.codes import Code
from server.http.negotiation import wants_page
from server.http.problems import Problem, problem_of
from server.jobs.quotas.quotas import JobQuotas
from server.store.threads import StoreThreads
from storage.audit.log import AuditLog

if TYPE_CHECKING:  # it needs packages that are loaded only with OIDC_ISSUER
    from server.auth.sign_in.flow import SignedIn, SignInFlow

log = logging.getLogger(__name__)

PATH = "/ui/sign-in"
FLOW_COOKIE, RENEWAL_COOKIE = "job_service_sign_in", "job_service_renewal"


class ProviderHandler(WebHandler):
    """The base class: the cookies between two requests, and pages for errors."""

    sign_in: "SignInFlow | None"
    ROUTE = PATH
    ALLOW = "GET, OPTIONS"

    def flow(self) -> "SignInFlow":
        """Return the sign-in at the provider. Raises Problem 404 if there is no provider."""
        if self.sign_in is None:
            raise Problem(Code.NOT_FOUND, "OIDC_ISSUER is not set: sign in with a token")
        return self.sign_in

    def address_of(self, path: str) -> str:
        """Return the whole address of a path of the service, as the browser has called it."""
        host = public_host(self.request.headers)
        return f"{self.request.protocol}://{host}{self.root_path}{path}"

    def read_cookie(self, name: str) -> str:
        """Return the value of a cookie; empty if the browser sent none."""
        return self.get_cookie(self._prefixed(name)) or ""

    def keep_cookie(self, name: str, value: str | None, seconds: float, same_site: str) -> None:
        """Set a cookie for this path, or remove it if `value` is None. Browsers accept one with the
        prefix `__Host-` only from this exact host, and for all paths."""
        name, is_secure = self._prefixed(name), self.request.protocol == "https"
        path = "/" if name.startswith("__Host-") else self.root_path + PATH
        if value is None:
            self.clear_cookie(name, path=path, httponly=True, secure=is_secure, samesite=same_site)
        else:
            self.set_cookie(
                name,
                value,
                max_age=round(seconds),
                path=path,
                httponly=True,
                secure=is_secure,
                samesite=same_site,
            )

    def keep_session(self, signed_in: "SignedIn") -> None:
        """Set the cookies of a session and of its renewal."""
        openid = self.flow().openid
        self.caller = signed_in.caller
        set_session_cookie(self, signed_in.session, openid.seconds)
        self.keep_cookie(RENEWAL_COOKIE, signed_in.renewal, signed_in.renewal_seconds, "Strict")

    def go_to(self, address: str) -> None:
        """Finish the request with a redirect, which the browser follows by GET."""
        self.redirect(address, status=303)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send an error as a page to a browser, and as a problem document to other clients."""
        if not wants_page(self.request.headers.get("Accept", "")):
            return super().write_error(status_code, **kwargs)
        problem = problem_of(kwargs.get("exc_info", (None, None))[1], status_code)
        self.set_headers(problem.headers)
        title = escape(problem.code.title)
        content = (
            f"<h1>{title}</h1>\n<p>{escape(problem.detail)}</p>\n"
            f'<p><a href="{self.root_path}{PATH}">Sign in again</a>, or go back to the'
            f' <a href="{self.root_path}/">overview</a>.</p>\n'
            f'<p class="quiet">Request {escape(self.request_id)}</p>'
        )
        self.send(self.files.static_page(title, content), problem.status, "no-store")

    def _prefixed(self, name: str) -> str:
        if self.request.protocol != "https":
            return name
        # The one of a renewal is long: it is not sent with other requests.
        is_for_all = name == FLOW_COOKIE and not self.root_path
        return f"__Host-{name}" if is_for_all else f"__Secure-{name}"


class SignInHandler(ProviderHandler):
    """The beginning of a sign-in."""

    async def get(self) -> None:
        """Lead the browser to the provider; `next` is the path of the page to return to."""
        page = self.get_query_argument("next", "/")
        url, cookie = await self.flow().begin(self.address_of(f"{PATH}/callback"), page)
        # Lax: the browser must send it when the provider leads back here.
        self.keep_cookie(FLOW_COOKIE, cookie, self.flow().flow_seconds, "Lax")
        self.go_to(url)


class CallbackHandler(ProviderHandler):
    """The end of a sign-in, to which the provider leads the browser."""

    audit: AuditLog
    threads: StoreThreads

    async def get(self) -> None:
        """Set the cookie of the session, and lead to the page that the caller wanted to see."""
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        try:
            signed_in = await self.flow().end(query, self.read_cookie(FLOW_COOKIE))
        except Problem as problem:
            extra = {"error": problem.detail, "request_id": self.request_id}
            log.warning("a sign-in has failed", extra=extra)
            raise
        self.caller = signed_in.caller
        await record_sign_in(self, self.audit, self.threads)
        self.keep_cookie(FLOW_COOKIE, None, 0, "Lax")
        self.keep_session(signed_in)
        self.go_to(self.root_path + signed_in.page)


class RenewalHandler(ProviderHandler):
    """The renewal of a session, which an open page asks for."""

    quotas: JobQuotas
    ALLOW = "OPTIONS, POST"

    async def post(self) -> None:
        """Exchange the refresh token for a new session, and send the caller's session."""
        self.require_body()
        try:
            signed_in = await self.flow().renew(self.read_cookie(RENEWAL_COOKIE))
        except Problem as problem:
            if problem.status in (401, 403):
                self.keep_cookie(RENEWAL_COOKIE, None, 0, "Strict")
            raise
        self.keep_session(signed_in)
        await send_session(self, self.quotas)

    def _check_head(self) -> None:
        """Refuse pages of other origins first."""
        require_same_origin(self.request.headers)
        super()._check_head()


class SignOutHandler(ProviderHandler):
    """The sign-out at the provider, after the sign-out from the front end."""

    async def get(self) -> None:
        """Lead the browser to the provider's own sign-out, if it has one, and then back.

        Only from a page of the service: any link and image of another site makes such a request.
        """
        require_same_origin(self.request.headers, by_link=True)
        self.keep_cookie(RENEWAL_COOKIE, None, 0, "Strict")
        url = await self.flow().sign_out_url(self.address_of("/"))
        self.go_to(url or f"{self.root_path}/")
