"""`/session` and `/stream-tokens`: who the caller is, and sign-in for the web front end."""

import time
from contextlib import suppress
from functools import partial
from typing import Literal

from typing_extensions import TypedDict

from server.api.openapi.operation import Operation
from server.auth.authenticate import SAFE_METHODS, Authenticator, require_same_origin
from server.auth.callers import Caller, Role
from server.auth.sessions import STREAM_TOKEN_SECONDS, SignIn, cookie_name
from server.documents.field_errors import read_document
from server.documents.job_documents import rfc3339
from server.documents.schemas.common import Time
from server.handlers.base import Handler
from server.http.body import Body, JsonBody, json_body
from server.http.codes import Code
from server.http.problems import Problem
from server.http.request_log import log_change
from server.jobs.quotas.quotas import JobQuotas
from server.store.threads import StoreThreads
from storage.audit.log import AuditLog
from storage.records.job import StoreError


class RequestQuotaDocument(TypedDict):
    """How many requests a caller may send."""

    limit: float
    """Requests per second."""
    burst: int
    """Requests that the caller may send at once."""
    used: int
    """How many of `burst` are used up at this listener; each second gives `limit` of them back."""


class UseQuotaDocument(TypedDict):
    """How much of something a caller may use."""

    limit: int
    """What it may use."""
    used: int | None
    """What it uses, counted up to the limit; null if the store does not respond."""


class QuotasDocument(TypedDict):
    """The quotas of a caller. A quota is null if the caller has no such limit."""

    queued: UseQuotaDocument | None
    """Jobs that may be queued at once."""
    bytes: UseQuotaDocument | None
    """Bytes of the files of the caller's jobs, and of its resumable uploads."""
    requests: RequestQuotaDocument | None
    """Requests. Without a quota of the caller, this is RATE_LIMIT."""


class StreamTokenDocument(TypedDict):
    """A token that opens event streams."""

    stream_token: str
    """Send it as `stream_token` in the query of a stream."""
    expires_at: Time
    """Streams must be opened before this time; those that are open go on."""


class SessionDocument(TypedDict):
    """The caller and its role."""

    tokens: bool
    """Whether authentication is on. If it is off, callers have no names and may do anything."""
    name: str | None
    """Name of the caller; null without tokens."""
    role: str
    """Role of the caller: read-own, read, submit or admin."""
    queues: list[str] | None
    """The queues to which the role is limited; null for all queues."""
    method: Literal["token", "oidc", "proxy"] | None
    """Who has authenticated the caller: the service by a token, an OpenID Connect provider, or a
    proxy; null without authentication."""
    expires_at: str | None
    """When the caller must authenticate again; null if that does not depend on time alone."""
    quotas: QuotasDocument
    """What the caller may use, and what it has used. Without tokens, all are null."""


class StreamTokensHandler(Handler):
    """The creation of stream tokens. Nothing is stored for one."""

    ROUTE = "/stream-tokens"
    LIMITED = True

    @Operation(
        "createStreamToken", "events", {200: StreamTokenDocument}, role=Role.READ, problems=(409,)
    )
    def post(self) -> None:
        """Get a token for event streams.

        For `EventSource` of browsers, which sends no token in a header. The token opens streams for
        a minute, with the rights of the caller.
        """
        self.require_body()
        caller, sessions, token = self.caller, self.authenticator.sessions, None
        if sessions is not None and caller.name is not None and caller.method == "token":
            token = sessions.create_stream_token(caller.name)
        if token is None:
            detail = "only a caller with a token of the service gets a stream token"
            raise Problem(Code.STREAM_TOKEN_UNAVAILABLE, detail)
        expires_at = rfc3339(round((time.time() + STREAM_TOKEN_SECONDS) * 1000))
        document: StreamTokenDocument = {"stream_token": token, "expires_at": expires_at}
        self.send_json(document)


MAX_BODY_BYTES = 4096


class SessionHandler(Handler):
    """The caller's session. Sign-in sets a cookie; sign-out removes it from the browser."""

    audit: AuditLog
    quotas: JobQuotas
    threads: StoreThreads
    ROUTE = "/session"
    LIMITED = True

    def __post_init__(self) -> None:
        """A sign-in counts against the rate of its caller, who is known later."""
        super().__post_init__()
        self.RATE_LIMITED = self.request.method != "POST"

    def role(self) -> Role | None:
        """None for sign-in and sign-out, which are for pages of this service only."""
        return super().role() if self.request.method in SAFE_METHODS else None

    async def body(self) -> Body:
        """Accept JSON with the token. Raises Problem 409, 413 or 415."""
        if self.authenticator.tokens is None:
            raise Problem(Code.SIGN_IN_NOT_NEEDED, "sign-in is not needed: no tokens are set")
        return json_body(self.request.headers, MAX_BODY_BYTES)

    @Operation("getSession", "session", {200: SessionDocument})
    async def get(self) -> None:
        """The caller's name, role and quotas.

        Tells a program which token it uses, what it may do, and how much of its quotas it has used.
        """
        await send_session(self, self.quotas)

    @Operation(
        "signIn",
        "session",
        {200: SessionDocument},
        role=None,
        body=SignIn,
        problems=(401, 409),
        response_headers={200: ("Set-Cookie",)},
    )
    async def post(self) -> None:
        """Sign in from a page of this service.

        The response sets a cookie. Programs send their token with each request instead.
        """
        self.require_body()
        authenticator = self.authenticator
        sessions = authenticator.sessions
        assert isinstance(self.received, JsonBody)
        assert sessions
        address = self.request.remote_ip or ""
        with authenticator.counting_failures(address):
            text = read_document(SignIn, self.received.document()).token
            token = authenticator.require_token(text.strip())
        self.caller = token.caller
        authenticator.count_request(address, self.caller)
        await record_sign_in(self, self.audit, self.threads)
        set_session_cookie(self, sessions.create_cookie(token), sessions.seconds)
        await send_session(self, self.quotas)

    @Operation(
        "signOut", "session", {204: None}, role=None, response_headers={204: ("Set-Cookie",)}
    )
    def delete(self) -> None:
        """Sign out from a page of this service.

        The response removes the cookie.
        """
        self.require_body()
        by_https = self.request.protocol == "https"
        self.clear_cookie(
            cookie_name(by_https, self.root_path),
            httponly=True,
            samesite="Strict",
            secure=by_https,
            path=self.root_path or "/",
        )
        self.set_status(204)

    def _check_head(self) -> None:
        """Refuse changes by pages of other origins first."""
        if self.request.method not in SAFE_METHODS:
            require_same_origin(self.request.headers)
        super()._check_head()


async def record_sign_in(handler: Handler, audit: AuditLog, threads: StoreThreads) -> None:
    """Record in the log, and in the audit log if there is one, that the caller has signed in.

    If the store fails, people can still sign in, to see what is wrong.
    """
    caller = handler.caller
    log_change(caller.name, "sign in")
    if handler.authenticator.audits:
        actor, method = caller.at(handler.request.remote_ip or "").actor, caller.method
        record = partial(audit.record, actor, "sign in", "caller", caller.name, method=method)
        with suppress(StoreError):
            await threads.run(record)


def set_session_cookie(handler: Handler, value: str, seconds: float) -> None:
    """Set the cookie of a session that lasts some seconds."""
    by_https = handler.request.protocol == "https"
    handler.set_cookie(
        cookie_name(by_https, handler.root_path),
        value,
        max_age=round(seconds),
        httponly=True,
        samesite="Strict",
        secure=by_https,
        path=handler.root_path or "/",
    )


async def send_session(handler: Handler, quotas: JobQuotas) -> None:
    """Finish a request with the document about its caller."""
    caller = handler.caller
    document: SessionDocument = {
        "tokens": handler.authenticator.tokens is not None,
        "name": caller.name,
        "role": str(caller.role),
        "queues": None if caller.queues is None else sorted(caller.queues),
        "method": caller.method if caller.name is not None else None,
        "expires_at": rfc3339(None if caller.until is None else round(caller.until * 1000)),
        "quotas": {
            "queued": _use(await quotas.queued(caller)),
            "bytes": _use(await quotas.bytes(caller)),
            "requests": _request_quota(handler.authenticator, caller),
        },
    }
    handler.send_json(document)


def _use(found: tuple[int, int | None] | None) -> UseQuotaDocument | None:
    return None if found is None else {"limit": found[0], "used": found[1]}


def _request_quota(authenticator: Authenticator, caller: Caller) -> RequestQuotaDocument | None:
    found = None if caller.name is None else authenticator.request_rate(caller)
    if found is None:
        return None
    rate, used = found
    return {"limit": rate.per_second, "burst": rate.burst, "used": used}
