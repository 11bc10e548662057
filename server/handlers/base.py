"""The base class of all handlers: admission, request bodies, JSON responses and errors."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from tornado.concurrent import Future
from tornado.httputil import HTTPServerRequest
from tornado.web import stream_request_body

from server.api.openapi.operation import Operation
from server.auth.authenticate import SAFE_METHODS, is_same_origin, require_role, require_unlimited
from server.auth.callers import ANONYMOUS, Role
from server.handlers.application import ConstructedHandler, ListenerApplication
from server.handlers.query import require_known_parameters
from server.http.body import SMALL_BYTES, Body, JsonBody, NoBody, RefusedBody, body_size
from server.http.codes import Code
from server.http.compression import compress, gzip_etag, is_compressible, plain_etag
from server.http.conditions import ALWAYS, conditions_of
from server.http.connections.connection import Connection
from server.http.cors import cors_headers, preflight_headers
from server.http.negotiation import takes_gzip
from server.http.problems import CONTENT_TYPE, Problem, log_failure, problem_of
from server.http.request_log import OTHER
from server.http.response import (
    DEFAULT_HEADERS,
    HEADER,
    JSON_TYPE,
    encode_json,
    etag_of,
    given_request_id,
    new_request_id,
)
from server.jobs.response import Response
from storage.records.json_values import JsonValue

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@stream_request_body
class Handler(ConstructedHandler):
    """Sends JSON responses, and every error as a problem document (RFC 9457).

    Tornado constructs a handler for each request, with the objects of its route.
    """

    application: ListenerApplication
    request: HTTPServerRequest
    ROUTE = OTHER
    """The path of its requests in metrics, as in the OpenAPI document."""
    is_timed = True
    """Whether the duration of a request is measured. It is not if the client decides about it."""
    OPERATIONS: ClassVar[Mapping[str, Operation]] = {}
    """What the API says about each of its methods; nothing about pages."""
    ALLOW = "GET, HEAD, OPTIONS"
    """Its methods; those of OPERATIONS, if there are any."""
    ANY_QUERY = False
    """Whether unknown query parameters are ignored: health checks, scrapers and links may have
    parameters of their own, such as one that keeps a cache from answering."""
    CONDITIONAL = False
    """Whether the handler compares the conditions of unsafe methods with a resource. For other
    handlers, If-Match never holds, because they change nothing that has an ETag."""
    LIMITED = False
    """Whether callers may use it who do not see all jobs. It then shows and changes only jobs that
    the caller sees."""
    RATE_LIMITED = True
    """Whether requests count against RATE_LIMIT."""

    def __init_subclass__(cls) -> None:
        """Take over what the methods of the class say about themselves. HEAD is as GET."""
        super().__init_subclass__()
        cls.OPERATIONS = {
            name.upper(): replace(method.operation, path=cls.ROUTE, of_all=not cls.LIMITED)
            for name, method in vars(cls).items()
            if hasattr(method, "operation")
        }
        if "GET" in cls.OPERATIONS and cls.head is Handler.head:
            cls.head = cls.get
        if names := {*cls.OPERATIONS, *(["HEAD"] if "GET" in cls.OPERATIONS else [])}:
            cls.ALLOW = ", ".join(sorted({*names, "OPTIONS"}))

    def __post_init__(self) -> None:
        """Let Tornado prepare the response, and count the request."""
        super().__init__(self.application, self.request)
        self.authenticator, self.hosts = self.application.authenticator, self.application.hosts
        self.activity = self.application.activity
        self.received: Body = NoBody()
        self.caller = ANONYMOUS
        self.conditions = ALWAYS
        self._body_complete = False
        self._token_changes = 0
        self._compressed_etag: str | None = None
        self._arrived = 0
        """Bytes of the body that have arrived."""
        self._counted = True
        self.activity.request_started()

    @cached_property
    def request_id(self) -> str:
        """The id of the request, for its response and its log lines."""
        return given_request_id(self.request.headers) or new_request_id()

    @property
    def client(self) -> Connection:
        """The connection to the client."""
        http: Any = self.request.connection
        connection: Connection = http.stream
        return connection

    @property
    def root_path(self) -> str:
        """The setting ROOT_PATH: what stands before every path that clients see."""
        return self.application.root_path

    def set_default_headers(self) -> None:
        """Set the headers of all responses, and the CORS headers for trusted origins."""
        self.set_headers(DEFAULT_HEADERS)
        self.set_header(HEADER, self.request_id)
        self.clear_header("Server")
        trusted = self.application.trusted_origins
        self.set_headers(cors_headers(self.request.headers, trusted))

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Set several headers."""
        for name, value in headers.items():
            self.set_header(name, value)

    @property
    def operation(self) -> Operation | None:
        """The API's description of this request; None for a page, and for an unknown method."""
        method = self.request.method or ""
        return self.OPERATIONS.get("GET" if method == "HEAD" else method)

    def role(self) -> Role | None:
        """Return the role that this request needs; None if it needs no authentication."""
        if self.request.method == "OPTIONS":  # browsers send preflight requests without a token
            return None
        if self.operation:
            return self.operation.role
        return Role.READ if self.request.method in SAFE_METHODS else Role.ADMIN

    def stream_token(self) -> str | None:
        """Return the stream token of this request; None without one, and for other calls."""
        return None

    async def body(self) -> Body:
        """Return the object that receives the body of a POST, PUT or PATCH. May raise a Problem."""
        return NoBody()

    async def prepare(self) -> None:
        """Authenticate the caller and choose the body's receiver, before any of the body arrives.

        If the request is refused, a small body is still awaited, to keep the connection open.
        """
        try:
            if self.authenticator.provider and self.role() is not None:
                await self.authenticator.prepare(self.request.headers)
            self._admit()
            self._check_head()
            if self.request.method in WITH_BODY:
                self.received = await self.body()
        except Problem as problem:
            if self._responds_early():
                raise
            self.received = RefusedBody(problem)
            setattr(self, (self.request.method or "").lower(), self._refused)

    async def data_received(self, chunk: bytes | memoryview) -> None:
        """Pass the next bytes to the body's receiver.

        After an error, a small rest of the body is dropped; then the error is sent. If more is to
        come, the error is sent at once.
        """
        if self._finished:
            return
        self._arrived += len(chunk)
        try:
            await self.received.write(chunk)
        except Exception as error:
            await self._refuse(error)

    def require_body(self) -> None:
        """Raise the Problem for which the body was refused. Call it when the body is complete.

        If the tokens have changed since the head arrived, the caller is authenticated again: a body
        may take hours.
        """
        self._body_complete = True
        if isinstance(self.received, RefusedBody):
            raise self.received.problem
        if self.authenticator.changes != self._token_changes:
            self._authenticate()

    def json_document(self) -> JsonValue:
        """Return the body, when it is complete, as JSON has it. Raises Problem 400."""
        self.require_body()
        assert isinstance(self.received, JsonBody)
        return self.received.document()

    def is_still_allowed(self) -> bool:
        """Return whether the caller's token or session is still valid, with a sufficient role."""
        try:
            self._authenticate()
        except Problem:
            return False
        return True

    def close_connection(self) -> None:
        """Close the connection, so that the client notices that the response is not complete."""
        self.client.close()

    def on_connection_close(self) -> None:
        """The client went away: delete the received part of an incomplete body."""
        super().on_connection_close()
        if not self._body_complete:
            self.activity.run_in_background(self.received.abort())
        self._count_finished()

    def on_finish(self) -> None:
        """The response was sent: the request is no longer active."""
        self._count_finished()

    def check_etag_header(self) -> bool:
        """Return whether the client has this response to a GET already, for a 304.

        Overrides Tornado's method, which knows no If-Match. Raises Problem 400 or 412.
        """
        conditions = conditions_of(self.request.headers, is_read=True)
        if conditions == ALWAYS:
            return False
        etag = self.compute_etag()
        etag = etag and plain_etag(etag)
        conditions.require_match(etag)
        return not conditions.is_new(etag)

    def compute_etag(self) -> str | None:
        """Return the ETag of the response. A compressed one has the plain form's with a suffix."""
        return self._compressed_etag or super().compute_etag()

    def flush(self, include_footers: bool = False) -> Future[None]:
        """Send what was written. A stopping listener asks the client to connect elsewhere."""
        if self.activity.stopping:
            self.set_header("Connection", "close")
        return super().flush(include_footers)

    def send_response(self, response: Response) -> None:
        """Finish the request with a response; with a status alone if it has no document."""
        self.set_headers(response.headers)
        if response.document is None:
            self.set_status(response.status)
        else:
            self.send_json(response.document, response.status)

    def send_json(self, document: object, status: int = 200) -> None:
        """Finish the request with a JSON document."""
        self.set_status(status)
        self.send_content(encode_json(document))

    def send_content(self, body: bytes, content_type: str = JSON_TYPE) -> None:
        """Finish the request with text or JSON; compressed if the client asks for that."""
        self.set_header("Content-Type", content_type)
        if is_compressible(content_type, len(body)):
            self.add_header("Vary", "Accept-Encoding")
            if takes_gzip(self.request.headers.get("Accept-Encoding")):
                self.set_header("Content-Encoding", "gzip")
                self._compressed_etag = gzip_etag(etag_of(body))
                is_read = self.get_status() == 200 and self.request.method in SAFE_METHODS
                if not (is_read and self.check_etag_header()):  # else it becomes a 304
                    body = compress(body)
        self.write(body)
        if self._sends_changed():
            self.set_etag_header()
        self.finish()

    def _sends_changed(self) -> bool:
        """Whether the response shows a resource that the request has changed. It then has the ETag
        of a GET, so that the next change needs none."""
        is_change = self.CONDITIONAL and self.request.method in ("PATCH", "PUT")
        return is_change and self.get_status() in (200, 201)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send an error as a problem document; an unexpected exception becomes a bare 500."""
        error = kwargs.get("exc_info", (None, None))[1]
        problem = problem_of(error, status_code)
        self.set_status(problem.status)
        if self._responds_early():
            is_limited = problem.status == 429 and self.caller is ANONYMOUS
            self.client.linger(is_unknown=problem.status == 401 or is_limited)
            self.set_header("Connection", "close")
        self.set_headers(problem.headers)
        if problem.status == 405:
            self.set_header("Allow", self.ALLOW)
        document = problem.document(self.request_id, self.root_path)
        self.send_content(encode_json(document), CONTENT_TYPE)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log an exception with `log_failure`, as the fast path does."""
        log_failure(value, self.request_id)

    def options(self, *args: str) -> None:
        """Send the supported methods, and the headers of a CORS preflight response."""
        self.set_status(204)
        self.set_header("Allow", self.ALLOW)
        trusted = self.application.trusted_origins
        allowed = preflight_headers(self.request.headers, trusted, self.ALLOW)
        self.set_headers(allowed)

    def _admit(self) -> None:
        authenticator, role = self.authenticator, self.role()
        request = self.request
        if not self.hosts.allows(request.host):
            detail = f"this service has no host {request.host[:200]!r}: see ALLOWED_HOSTS"
            raise Problem(Code.UNKNOWN_HOST, detail)
        address, method = request.remote_ip or "", request.method or ""
        self._token_changes = authenticator.changes
        if role is not None:
            by_https = request.protocol == "https"
            given = request.headers, method, by_https, self.stream_token()
            self.caller = authenticator.admit(address, *given)
        if self.RATE_LIMITED:
            authenticator.count_request(address, self.caller)
        if role is not None:
            self._require_rights(role)

    def _authenticate(self) -> None:
        """Authenticate the caller again. Raises Problem 401 and 403."""
        role, request = self.role(), self.request
        if role is not None:
            by_https, method = request.protocol == "https", request.method or ""
            actor = self.caller.actor
            caller = self.authenticator.authenticate(request.headers, method, by_https)
            self.caller = replace(caller, actor=actor)
            self._require_rights(role)

    def _require_rights(self, role: Role) -> None:
        require_role(self.caller, role)
        if not self.LIMITED:
            require_unlimited(self.caller, self.ROUTE if self.ROUTE != OTHER else "this path")

    def _check_head(self) -> None:
        """Check the method, the names in the query, and the syntax of the conditions."""
        method = self.request.method or ""
        if method not in self.ALLOW.split(", "):
            detail = f"{method} is not supported here; the supported methods are {self.ALLOW}"
            raise Problem(Code.METHOD_NOT_ALLOWED, detail)
        if method == "OPTIONS":
            return
        if not self.ANY_QUERY:
            models = self.operation.queries if self.operation else ()
            require_known_parameters(self.request.query_arguments, models)
        if method not in SAFE_METHODS:
            self.conditions = conditions_of(self.request.headers)
            if not self.CONDITIONAL:
                self.conditions.require(None)

    def _responds_early(self) -> bool:
        """Whether an error is sent before the end of the body.

        With Expect: 100-continue, a client that gets an error does not send its body at all.
        """
        if self._body_complete:
            return False
        if self.request.headers.get("Expect") == "100-continue":
            return True
        size = body_size(self.request.headers)
        return size is None or size - self._arrived > SMALL_BYTES

    def _refused(self, *args: str) -> None:
        """Replaces the method of a refused request."""
        self.require_body()

    def _origin_matches_host(self, origin: str) -> bool:
        """Override Tornado's check, which turns an invalid Origin into a 500 by a ValueError."""
        return is_same_origin(origin, self.request.headers)

    def check_trusted_origin(self, origin: str) -> bool:
        """Extend Tornado's check for a page of another origin by an error that names both."""
        if super().check_trusted_origin(origin):
            return True
        detail = (
            f"a page of {origin[:200]!r} may not change anything at {self.request.host[:200]!r}"
        )
        raise Problem(Code.FOREIGN_ORIGIN, detail)

    def _count_finished(self) -> None:
        if self._counted:
            self._counted = False
            self.activity.request_finished()

    async def _refuse(self, error: Exception) -> None:
        received, problem = self.received, problem_of(error, 500)
        if problem.status == 500:
            log_failure(error, self.request_id)
        self.received = RefusedBody(problem)
        await received.abort()
        if self._responds_early():
            self.send_error(exc_info=(type(problem), problem, None))


class NotFound(Handler):
    """Any path without a route."""

    LIMITED = True

    def _check_head(self) -> None:
        """Refuse every request with 404."""
        raise Problem(Code.NOT_FOUND, f"there is nothing at {self.request.path[:200]}")

    def not_found(self, *args: str) -> None:
        """Respond with the refusal."""
        self.require_body()

    get = head = post = put = patch = delete = options = not_found
